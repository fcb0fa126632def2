import type { BuildkitOption, CopyOp, CopySource, RunCache, RunOp, RunSecret } from "./ast.ts";
import { decodeRestart } from "./decode-restart.ts";
import { type Field, type Fields, headOf, readFields, type RecordShape } from "./fields.ts";
import { itemNames } from "./keywords.ts";
import {
  allAtoms,
  atomText,
  type Call,
  describe,
  joinedAtoms,
  oneAtom,
  type Operands,
  suggestion,
} from "./operands.ts";
import type { Report } from "./problem.ts";
import type { Node } from "./sexp-tree.ts";

const runShape: RecordShape = {
  title: "(run ...)",
  fields: {
    cache: "(cache (NAME (target PATH)))",
    network: "(network host)",
    secrets: "(secrets (ID (target PATH)))",
    restart: "(restart allowed)",
    shell: '(shell "COMMAND")',
  },
  required: ["shell"],
  hintFor: (node, all) => opInside(node, "run") ?? (node.kind === "atom" ? bareRun(all) : undefined),
};

const copyShape: RecordShape = {
  title: "(copy ...)",
  fields: {
    from: "(from (build NAME))",
    src: "(src PATH...)",
    dst: "(dst PATH)",
    exclude: "(exclude NAME...)",
  },
  required: ["src", "dst"],
  hintFor: (node, all) => opInside(node, "copy") ?? (node.kind === "atom" ? bareCopy(all) : undefined),
};

const cacheShape: RecordShape = {
  title: "a cache",
  fields: { target: "(target PATH)", buildkit_options: "(buildkit_options ((KEY VALUE)...))" },
  required: ["target"],
  hintFor: (node) =>
    node.kind === "atom"
      ? `write ${suggestion(["target", node.text]) ?? "(target PATH)"}`
      : opInside(node, "cache"),
};

const secretShape: RecordShape = { ...cacheShape, title: "a secret" };

/** `(run FIELD...)`. */
export function decodeRun(call: Call): RunOp | undefined {
  const fields = readFields(call.node, call.args, { shape: runShape, report: call.report });
  const read = { fields, shape: runShape, report: call.report };
  const caches = mounts(read, "cache");
  const network = strings(read, "network");
  const secrets = mounts(read, "secrets").map(({ name, ...mount }): RunSecret => ({ id: name, ...mount }));
  const restart = decodeRestart(fields, call.report) && { mayRestart: true };
  const command = string(read, "shell");
  return command === undefined ? undefined : { op: "run", caches, network, secrets, ...restart, command };
}

/** Decodes `(copy FIELD...)`. Always returns an op, so that its build is looked up; missing fields have been reported. */
export function decodeCopy(call: Call): CopyOp {
  const fields = readFields(call.node, call.args, { shape: copyShape, report: call.report });
  const read = { fields, shape: copyShape, report: call.report };
  return {
    op: "copy",
    from: copySource(fields.get("from"), call.report),
    sources: strings(read, "src"),
    destination: string(read, "dst") ?? "",
    exclude: strings(read, "exclude"),
  };
}

interface Read {
  readonly fields: Fields;
  readonly shape: RecordShape;
  readonly report: Report;
}

function strings(read: Read, name: string): readonly string[] {
  const field = read.fields.get(name);
  return field === undefined ? [] : allAtoms(operandsOf(field, read));
}

function string(read: Read, name: string): string | undefined {
  const field = read.fields.get(name);
  return field === undefined ? undefined : oneAtom(operandsOf(field, read));
}

function operandsOf(field: Field, { shape, report }: Read): Operands {
  return {
    node: field.node,
    values: field.values,
    title: `(${field.name.text} ...) of ${shape.title}`,
    example: shape.fields[field.name.text] ?? "",
    report,
  };
}

function mounts(read: Read, name: "cache" | "secrets"): readonly RunCache[] {
  const example = read.shape.fields[name] ?? "";
  const shape = name === "cache" ? cacheShape : secretShape;
  return (read.fields.get(name)?.values ?? []).flatMap((value) => {
    const mountName = headOf(value);
    if (mountName === undefined || value.kind !== "list") {
      read.report({
        at: value.at,
        message: `expected ${shape.title} such as (NAME (target PATH)), found ${describe(value)}`,
        hint: `write ${mountSuggestion(name, value) ?? example}`,
      });
      return [];
    }
    if (mountName.text === "target" && value.items[1]?.kind === "atom" && value.items.length === 2) {
      const hint = `write ${suggestion([name, ["NAME", ["target", value.items[1].text]]]) ?? example}`;
      read.report({ at: value.at, message: `${shape.title} without a name`, hint });
      return [];
    }
    const fields = readFields(value, value.items.slice(1), { shape, report: read.report });
    const mount = { fields, shape, report: read.report };
    return {
      name: mountName.text,
      target: string(mount, "target") ?? "",
      buildkitOptions: buildkitOptions(mount),
    };
  });
}

/** What `(secrets token)` and `(cache (target /c))` were probably meant to be. */
function mountSuggestion(name: "cache" | "secrets", value: Node): string | undefined {
  if (value.kind === "list") return undefined;
  return suggestion([
    name,
    [value.text, ["target", name === "cache" ? "PATH" : `/run/secrets/${value.text}`]],
  ]);
}

function buildkitOptions(read: Read): readonly BuildkitOption[] {
  const field = read.fields.get("buildkit_options");
  if (field === undefined) return [];
  const [list] = field.values;
  const words = operandsOf(field, read);
  if (list?.kind !== "list" || field.values.length !== 1) {
    if (field.node.closed) {
      read.report({
        at: field.node.at,
        message: `${words.title} takes one list of pairs`,
        hint: `write ${words.example}`,
      });
    }
    return [];
  }
  const bare = joinedAtoms(list.items);
  if (bare !== undefined && list.items.length > 0) {
    const hint = `write ${list.items.length === 2 ? `(buildkit_options ((${bare})))` : words.example}`;
    read.report({ at: list.at, message: `expected a list of pairs in ${words.title}`, hint });
    return [];
  }
  return list.items.flatMap((pair): readonly BuildkitOption[] => {
    const [key, value] = pair.kind === "list" ? pair.items : [];
    if (key === undefined || value === undefined || (pair.kind === "list" && pair.items.length !== 2)) {
      const hint = `write ${words.example}`;
      read.report({ at: pair.at, message: `expected (KEY VALUE), found ${describe(pair)}`, hint });
      return [];
    }
    const [keyText, valueText] = [atomText(key, words), atomText(value, words)];
    return keyText === undefined || valueText === undefined ? [] : [[keyText, valueText]];
  });
}

function copySource(field: Field | undefined, report: Report): CopySource {
  if (field === undefined) return { kind: "context" };
  const [source] = field.values;
  if (source?.kind === "atom" && source.text === "context" && field.values.length === 1)
    return { kind: "context" };
  const name = source?.kind === "list" && headOf(source)?.text === "build" ? source.items[1] : undefined;
  const whole = field.values.length === 1 && source?.kind === "list" && source.items.length === 2;
  if (name?.kind === "atom" && whole) return { kind: "build", name: name.text };
  if (field.node.closed) {
    const meant = source?.kind === "atom" && field.values.length === 1 ? source.text : "NAME";
    const next = name?.kind === "atom" ? field.values[1] : undefined;
    const found = source === undefined ? "" : `, found ${describe(source)}`;
    report({
      at: (next ?? source ?? field.node).at,
      message:
        next === undefined
          ? `expected (build NAME) in (from ...) of (copy ...)${found}`
          : `expected a ')' after (build NAME) in (from ...) of (copy ...), found ${describe(next)}`,
      hint:
        next === undefined
          ? `write ${suggestion(["from", ["build", meant]]) ?? "(from (build NAME))"}`
          : undefined,
    });
  }
  return { kind: "context" };
}

/** What `(run make test)` was meant to be. */
function bareRun(all: readonly Node[]): string {
  const command = joinedAtoms(all);
  const meant = command === undefined ? undefined : suggestion(["run", ["shell", command]]);
  return `write ${meant ?? '(run (shell "COMMAND"))'}`;
}

/** What `(copy a b /dst/)` was meant to be. */
function bareCopy(all: readonly Node[]): string {
  const names = all.flatMap((node) => (node.kind === "atom" ? [node.text] : []));
  const whole = names.length === all.length && names.length > 1;
  const meant = whole
    ? suggestion(["copy", ["src", ...names.slice(0, -1)], ["dst", names.at(-1) ?? ""]])
    : undefined;
  return `write ${meant ?? "(copy (src PATH...) (dst PATH))"}`;
}

/** The hint for an op inside another op: usually a `)` is missing before it. */
function opInside(node: Node, owner: string): string | undefined {
  const name = headOf(node)?.text;
  if (name === undefined || !itemNames.has(name)) return undefined;
  return name === owner
    ? `is there one "(${owner}" too many, or is a ')' missing before this?`
    : `(${name} ...) is an operation of its own: is a ')' missing before it?`;
}
