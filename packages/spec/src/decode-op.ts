import type { EnvOp, Op, User, UserOp, UserTemplate } from "./ast.ts";
import { decodeArg } from "./decode-arg.ts";
import { decodeCopy, decodeRun } from "./decode-step.ts";
import { headOf } from "./fields.ts";
import { alternatives, didYouMean, showAtom } from "./near-name.ts";
import { parseOcamlInt } from "./ocaml-int.ts";
import {
  allAtoms,
  atomText,
  type Call,
  joinedAtoms,
  oneAtom,
  type Operands,
  suggestion,
} from "./operands.ts";
import type { Report } from "./problem.ts";
import type { AtomNode, ListNode, Node } from "./sexp-tree.ts";

type Decoder = (call: Call) => Op | undefined;

const decoders: Readonly<Record<Op["op"], Decoder>> = {
  comment: (call) =>
    mapOne(operands(call, "(comment ...)", '(comment "TEXT")'), (text) => ({ op: "comment", text })),
  workdir: (call) =>
    mapOne(operands(call, "(workdir ...)", "(workdir /DIRECTORY)"), (directory) => ({
      op: "workdir",
      directory,
    })),
  shell: (call) => ({
    op: "shell",
    arguments: allAtoms(operands(call, "(shell ...)", "(shell /bin/sh -c)")),
  }),
  run: decodeRun,
  copy: decodeCopy,
  user: decodeUser,
  env: decodeEnv,
  arg: decodeArg,
};

/** The names of all ops. */
export const opNames: readonly string[] = Object.keys(decoders);

/** The ops whose fields are in an additional list if the name has a capital letter. */
const inlined: ReadonlySet<string> = new Set(["run", "copy", "user", "env"]);

/** The canonical name of an op. Like the original, this accepts a capital first letter. */
export function opNameOf(name: string): Op["op"] | undefined {
  const lower = name.slice(0, 1).toLowerCase() + name.slice(1);
  return isOpName(lower) ? lower : undefined;
}

/** Decodes an op. Errors in it are reported. Undefined, with a report, if the list is not an op. */
export function decodeOp(
  node: ListNode,
  name: AtomNode,
  { report, hasArgs }: Pick<Call, "report" | "hasArgs">,
): Op | undefined {
  const op = opNameOf(name.text);
  if (op === undefined) {
    report({
      at: name.at,
      message: `unknown op ${showAtom(name.text)}: expected ${alternatives(opNames)}`,
      hint: didYouMean(name.text, opNames),
    });
    return undefined;
  }
  const args = node.items.slice(1);
  if (name.text === op || !inlined.has(op)) return decoders[op]({ node, args, report, hasArgs });
  const [fields] = args;
  const record = fields?.kind === "list" && (op === "env" || fields.items[0]?.kind !== "atom");
  if (args.length === 1 && record) return decoders[op]({ node, args: fields.items, report, hasArgs });
  report({
    at: name.at,
    message: `(${name.text} ...) with a capital takes its fields in a list of their own`,
    hint: `write ${op} instead of ${name.text}`,
  });
  return undefined;
}

function isOpName(name: string): name is Op["op"] {
  return Object.hasOwn(decoders, name);
}

function operands(call: Call, title: string, example: string): Operands {
  return { node: call.node, values: call.args, title, example, report: call.report };
}

function mapOne<T>(from: Operands, make: (text: string) => T): T | undefined {
  const text = oneAtom(from);
  return text === undefined ? undefined : make(text);
}

function decodeEnv(call: Call): EnvOp | undefined {
  const words = operands(call, "(env ...)", "(env KEY VALUE)");
  const [key, value] = call.args;
  if (key !== undefined && value !== undefined && call.args.length === 2) {
    const [keyText, valueText] = [atomText(key, words), atomText(value, words)];
    return keyText === undefined || valueText === undefined
      ? undefined
      : { op: "env", key: keyText, value: valueText };
  }
  if (call.node.closed || call.args.length > 2) {
    call.report({
      at: call.node.at,
      message: `(env ...) takes a key and a value, found ${call.args.length === 0 ? "none" : call.args.length}`,
      hint: `write ${envSuggestion(call.args) ?? words.example}`,
    });
  }
  return undefined;
}

function envSuggestion(args: readonly Node[]): string | undefined {
  const [only] = args;
  if (only?.kind === "list" && args.length === 1) return envSuggestion(only.items);
  const texts = args.flatMap((arg) => (arg.kind === "atom" ? [arg.text] : []));
  const [key, ...values] = texts;
  if (key === undefined || texts.length !== args.length) return undefined;
  if (values.length > 0) return suggestion(["env", key, values.join(" ")]);
  const sign = key.indexOf("=");
  return sign > 0 ? suggestion(["env", key.slice(0, sign), key.slice(sign + 1)]) : undefined;
}

/** `(name S)` alone, or `(uid N) (gid N)` in this order, which the original requires. */
function decodeUser(call: Call): UserOp | undefined {
  const [first, second] = call.args;
  const heads = call.args.map((arg) => headOf(arg)?.text);
  const pairs = call.args.every((arg) => arg.kind === "list" && arg.items.length === 2);
  if (pairs && heads.length === 1 && heads[0] === "name" && first?.kind === "list") {
    const words = { title: "(name ...) in (user ...)", example: "(user (name NAME))", report: call.report };
    const name = atomText(first.items[1] ?? first, words);
    return name === undefined ? undefined : { op: "user", user: { name } };
  }
  if (pairs && heads.length === 2 && heads[0] === "uid" && heads[1] === "gid") {
    const template = call.hasArgs ? userTemplate(first, second) : undefined;
    if (template !== undefined) return { op: "user", user: template };
    const uid = number(first, "uid", call.report);
    const gid = number(second, "gid", call.report);
    return uid === undefined || gid === undefined ? undefined : { op: "user", user: { uid, gid } };
  }
  if (call.node.closed) {
    call.report({
      at: call.node.at,
      message: "expected (uid N) and then (gid N), or (name NAME), in (user ...)",
      hint: userHint(call.args, heads),
    });
  }
  return undefined;
}

/** Undefined if neither value has a `${NAME}`. */
function userTemplate(first: Node | undefined, second: Node | undefined): UserTemplate | undefined {
  const [uid, gid] = [first, second].map((field) => (field?.kind === "list" ? field.items[1] : undefined));
  if (uid?.kind !== "atom" || gid?.kind !== "atom") return undefined;
  return uid.text.includes("${") || gid.text.includes("${") ? { uid: uid.text, gid: gid.text } : undefined;
}

function userHint(args: readonly Node[], heads: readonly (string | undefined)[]): string | undefined {
  const [first] = args;
  if (first?.kind === "atom" && args.length === 1) {
    const uid = parseOcamlInt(first.text);
    return `write ${uid === undefined ? suggestion(["user", ["name", first.text]]) : user({ uid, gid: uid })}`;
  }
  if (heads.length === 2 && heads[0] === "gid" && heads[1] === "uid") return "(uid N) comes first";
  const name = first?.kind === "list" && heads[0] === "name" ? joinedAtoms(first.items.slice(1)) : undefined;
  if (name !== undefined && name !== "" && heads.length === 1) {
    return `put it in quotes: ${suggestion(["user", ["name", name]]) ?? "(user (name NAME))"}`;
  }
  if (heads.includes("name") && heads.length > 1) return "a user has a name or numbers, not both";
  if (heads.length === 1 && heads[0] === "uid") return "add (gid N)";
  if (heads.length === 1 && heads[0] === "gid") return "add (uid N) before it";
  const unknown = heads.find((head) => head !== undefined && !["uid", "gid", "name"].includes(head));
  return unknown === undefined ? undefined : didYouMean(unknown, ["uid", "gid", "name"]);
}

function user(numbers: Extract<User, { uid: number }>): string {
  return `(user (uid ${numbers.uid}) (gid ${numbers.gid}))`;
}

function number(node: Node | undefined, name: "uid" | "gid", report: Report): number | undefined {
  const value = node?.kind === "list" ? node.items[1] : undefined;
  if (value === undefined) return undefined;
  const parsed = value.kind === "atom" ? parseOcamlInt(value.text) : undefined;
  if (parsed === undefined) {
    report({
      at: value.at,
      message: `expected a whole number as ${name}, found ${value.kind === "atom" ? showAtom(value.text) : "a list"}`,
      hint: value.kind === "atom" ? "for a user by name write (user (name NAME))" : undefined,
    });
  }
  return parsed;
}
