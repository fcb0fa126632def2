import type { ArgOp, CopyOp, Op, RunCache, RunOp, Spec, UserOp } from "../ast.ts";
import { checkSpec } from "../check-arguments.ts";
import { showAtom } from "../near-name.ts";
import { parseOcamlInt } from "../ocaml-int.ts";
import { derivedSource, type SpecPart, type SpecSource } from "../spec-source.ts";
import { fillTemplate, parseTemplate, TemplateError } from "./template.ts";

/** A spec without args, and what was found when they were expanded. */
export interface ExpandedSpec {
  /** Complete only if there are no problems. */
  readonly spec: Spec;
  /** Finds the parts of the expanded spec in the text; undefined if no source was given. */
  readonly source: SpecSource | undefined;
  readonly problems: readonly ArgProblem[];
  /** The names of all args that the spec has. */
  readonly names: ReadonlySet<string>;
}

/** A text of a spec that cannot be expanded, or an arg without a value. */
export interface ArgProblem {
  /** Of the spec that was given. */
  readonly item: Op | Spec;
  readonly part: SpecPart | undefined;
  /** One sentence without a full stop at its end. */
  readonly message: string;
  readonly hint: string | undefined;
  /** The arg that has no value. */
  readonly missing?: string;
}

export interface ExpandOptions {
  /** The values that are given, by the names of the args; by default none. */
  readonly values?: ReadonlyMap<string, string> | undefined;
  readonly source?: SpecSource | undefined;
}

/** True if the spec, or a spec nested in it, has an arg. Nesting may have any depth. */
export function hasArgs(spec: Spec): boolean {
  const pending = [spec];
  for (let next = pending.pop(); next; next = pending.pop()) {
    if ((next.args ?? []).length > 0 || next.ops.some(({ op }) => op === "arg")) return true;
    for (const build of next.builds) pending.push(build.spec);
  }
  return false;
}

/**
 * Expands the args of a spec: `${NAME}` becomes the value of the `(arg NAME ...)`, or of the `(env NAME ...)` of the stage, before it. An
 * arg of a stage becomes an `(env NAME VALUE)`, so that commands have its value, unless the stage has set that variable. A spec without
 * args is returned as it is, whatever its texts are.
 *
 * Expanded are the texts that a Dockerfile expands: `from`, the values of `env`, `workdir`, `user`, `src`, `dst` and `exclude` of `copy`,
 * names and targets of caches and secrets, and the defaults of args. The command of a `run` is not: its shell has the variables.
 */
export function expandArgs(spec: Spec, { values = new Map(), source }: ExpandOptions = {}): ExpandedSpec {
  checkSpec("expandArgs", spec);
  if (!hasArgs(spec)) return { spec, source, problems: [], names: new Set() };
  const expansion: Expansion = { values, origins: new Map(), problems: [], names: new Set() };
  const expanded = expandSpec(spec, new Map(), expansion);
  const { problems, names, origins } = expansion;
  return { spec: expanded, source: source && derivedSource(source, origins), problems, names };
}

interface Expansion {
  readonly values: ReadonlyMap<string, string>;
  /** What the items of the expanded spec were made of. */
  readonly origins: Map<Op | Spec, Op | Spec>;
  readonly problems: ArgProblem[];
  readonly names: Set<string>;
}

type Variables = ReadonlyMap<string, string>;

/** A text's place, for its error. */
interface Place {
  readonly item: Op | Spec;
  readonly part?: SpecPart;
}

/** Expands a text; one that cannot be expanded is reported, and empty. */
type Expand = (text: string, place: Place) => string;

function expandSpec(spec: Spec, outer: Variables, expansion: Expansion): Spec {
  const globals = new Map(outer);
  const expand = expander(globals, expansion);
  for (const arg of spec.args ?? []) {
    globals.set(arg.name, valueOf(arg, { inherited: globals, expand, expansion }));
  }
  const builds = spec.builds.map(({ name, spec: nested }) => ({
    name,
    spec: expandSpec(nested, globals, expansion),
  }));
  const from = expand(spec.from, { item: spec, part: { field: "from", value: 0 } });
  const expanded: Spec = { builds, from, ops: expandOps(spec.ops, globals, expansion) };
  expansion.origins.set(expanded, spec);
  return expanded;
}

function expandOps(ops: readonly Op[], globals: Variables, expansion: Expansion): readonly Op[] {
  // A variable that `env` sets comes before an arg of its name, as in a Dockerfile.
  const [args, variables] = [new Map<string, string>(), new Map<string, string>()];
  const expand = expander({ get: (name) => variables.get(name) ?? args.get(name) }, expansion);
  return ops.flatMap((op): readonly Op[] => {
    if (op.op === "arg") {
      const value = valueOf(op, { inherited: globals, expand, expansion });
      args.set(op.name, value);
      return variables.has(op.name) ? [] : [traced({ op: "env", key: op.name, value }, op, expansion)];
    }
    const expanded = expandOp(op, expand, expansion);
    if (expanded.op === "env") variables.set(expanded.key, expanded.value);
    return [traced(expanded, op, expansion)];
  });
}

function traced<T extends Op>(made: T, from: Op, { origins }: Expansion): T {
  origins.set(made, from);
  return made;
}

function expandOp(op: Exclude<Op, ArgOp>, expand: Expand, expansion: Expansion): Exclude<Op, ArgOp> {
  switch (op.op) {
    case "workdir":
      return { ...op, directory: expand(op.directory, { item: op }) };
    case "env":
      return { ...op, value: expand(op.value, { item: op }) };
    case "user":
      return expandUser(op, expand, expansion);
    case "copy":
      return expandCopy(op, expand);
    case "run":
      return expandRun(op, expand);
    case "comment":
    case "shell":
      return { ...op };
  }
}

function expandUser(op: UserOp, expand: Expand, { problems }: Expansion): UserOp {
  const { user } = op;
  if ("name" in user) return { ...op, user: { name: expand(user.name, { item: op }) } };
  const number = (field: "uid" | "gid"): number => {
    const given = user[field];
    if (typeof given === "number") return given;
    const part = { field, value: 0 };
    const text = expand(given, { item: op, part });
    const parsed = parseOcamlInt(text);
    if (parsed === undefined) {
      const message = `expected a whole number as ${field}, found ${showAtom(text)} for ${showAtom(given)}`;
      const hint = "for a user by name write (user (name NAME))";
      problems.push({ item: op, part, message, hint });
    }
    return parsed ?? 0;
  };
  return { ...op, user: { uid: number("uid"), gid: number("gid") } };
}

function expandCopy(op: CopyOp, expand: Expand): CopyOp {
  const each = (field: string, texts: readonly string[]) =>
    texts.map((text, value) => expand(text, { item: op, part: { field, value } }));
  return {
    ...op,
    sources: each("src", op.sources),
    destination: expand(op.destination, { item: op, part: { field: "dst", value: 0 } }),
    exclude: each("exclude", op.exclude),
  };
}

function expandRun(op: RunOp, expand: Expand): RunOp {
  const mount = <T extends Pick<RunCache, "target">>(field: string, each: T, value: number): T => {
    return { ...each, target: expand(each.target, { item: op, part: { field, value } }) };
  };
  return {
    ...op,
    caches: op.caches.map((cache, value) => {
      const name = expand(cache.name, { item: op, part: { field: "cache", value } });
      return { ...mount("cache", cache, value), name };
    }),
    secrets: op.secrets.map((secret, value) => {
      const id = expand(secret.id, { item: op, part: { field: "secrets", value } });
      return { ...mount("secrets", secret, value), id };
    }),
  };
}

function valueOf(
  arg: ArgOp,
  from: { readonly inherited: Variables; readonly expand: Expand; readonly expansion: Expansion },
): string {
  const { values, problems, names } = from.expansion;
  const { name } = arg;
  names.add(name);
  const given = values.get(name);
  if (given !== undefined) return given;
  if (arg.default !== undefined) return from.expand(arg.default, { item: arg });
  const inherited = from.inherited.get(name);
  if (inherited !== undefined) return inherited;
  const message = `the arg ${showAtom(name)} has no value: none was given, and it has no default`;
  const hint = `write (arg ${name} DEFAULT) for a default; "" is an empty one`;
  problems.push({ item: arg, part: undefined, message, hint, missing: name });
  return "";
}

function expander(variables: Pick<Variables, "get">, { problems }: Expansion): Expand {
  return (text, { item, part }) => {
    if (!text.includes("${")) return text;
    try {
      return fillTemplate(parseTemplate(text), (name) => variables.get(name));
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error;
      problems.push({ item, part, message: error.message, hint: error.hint });
      return "";
    }
  };
}
