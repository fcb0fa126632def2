import type { ArgOp, NestedBuild, Op, Spec } from "./ast.ts";
import { decodeArg } from "./decode-arg.ts";
import { decodeOp, opNameOf, opNames } from "./decode-op.ts";
import { headOf } from "./fields.ts";
import { nearNames, showAtom } from "./near-name.ts";
import { describe, suggestion } from "./operands.ts";
import type { Range, Report } from "./problem.ts";
import type { AtomNode, ListNode, Node } from "./sexp-tree.ts";

/** The greatest depth of nested builds. It keeps every recursive walk of a spec far from the limit of the call stack. */
export const deepestBuild = 500;

/** A decoded spec, and the positions of its ops and of all nested specs. */
export interface Decoded {
  /** Complete only if nothing was reported. Otherwise it is good enough to find further errors in. */
  readonly spec: Spec;
  readonly origins: ReadonlyMap<Op | Spec, ListNode>;
}

/** Decodes a spec. Reports as many errors as possible. */
export function decodeSpec(node: Node, report: Report): Decoded {
  const origins = new Map<Op | Spec, ListNode>();
  return { spec: decodeAt(node, { report, origins, depth: 0, hasArgs: declaresArgs(node) }), origins };
}

interface Decoding {
  readonly report: Report;
  readonly origins: Map<Op | Spec, ListNode>;
  readonly depth: number;
  /** True if the spec or one of its nested specs has an `(arg ...)`. */
  readonly hasArgs: boolean;
}

const smallest = "((from BASE))";
const nothing: Spec = { builds: [], from: "", ops: [] };

function decodeAt(node: Node, decoding: Decoding): Spec {
  const { report } = decoding;
  if (decoding.depth > deepestBuild) {
    report({ at: node.at, message: `builds are nested more than ${deepestBuild} deep` });
    return nothing;
  }
  const first = node.kind === "list" ? node.items[0] : node;
  if (node.kind === "atom" || first?.kind === "atom") {
    report(notASpec(node, first?.kind === "atom" ? first : undefined));
    return nothing;
  }
  const state: SpecState = {
    ...{ node, decoding, args: [], builds: [], ops: [] },
    ...{ from: undefined, early: undefined, earlyNeedsReport: false },
  };
  for (const item of node.items) readItem(state, item);
  return finish(state);
}

function notASpec(node: Node, first: AtomNode | undefined): Parameters<Report>[0] {
  const name = first?.text ?? "";
  const item = node.kind === "list" && (opNameOf(name) !== undefined || name === "from" || name === "build");
  return {
    at: (item ? node : (first ?? node)).at,
    message: `a spec is a list of lists such as ${smallest}, found ${describe(node)}`,
    hint: item
      ? "the parentheses around the whole spec are missing: ((from BASE) ...)"
      : `the smallest spec is ${smallest}`,
  };
}

/** A spec while its items are read. */
interface SpecState {
  readonly node: ListNode;
  readonly decoding: Decoding;
  readonly args: ArgOp[];
  readonly builds: NestedBuild[];
  readonly ops: Op[];
  from: { readonly base: string; readonly at: Range } | undefined;
  /** The first op before `from`. */
  early: ListNode | undefined;
  earlyNeedsReport: boolean;
}

function readItem(state: SpecState, item: Node): void {
  const { report } = state.decoding;
  const name = headOf(item);
  if (item.kind === "atom" || name === undefined) {
    // A list that is cut off by the end of the text has no name yet.
    if (item.kind === "list" && !item.closed) return;
    report({
      at: item.at,
      message: `expected a list such as ${state.from === undefined ? "(from BASE)" : '(run (shell "COMMAND"))'}, found ${describe(item)}`,
    });
    return;
  }
  const meant = state.from === undefined ? meantItem(name.text) : name.text;
  if (meant !== name.text) {
    report({
      at: name.at,
      message: `unknown item ${showAtom(name.text)}: expected (build NAME SPEC) or (from BASE)`,
      hint: `did you mean ${showAtom(meant)}?`,
    });
  }
  if (meant === "from") readFrom(state, item, name);
  else if (meant === "build") readBuild(state, item);
  else if (opNameOf(meant) === "arg" && state.from === undefined) readArg(state, item);
  else readOp(state, item, name);
}

function readFrom(state: SpecState, list: ListNode, name: AtomNode): void {
  const { report } = state.decoding;
  const [base] = list.items.slice(1);
  if (state.from !== undefined) {
    report({
      at: list.at,
      message: "a second (from ...): a spec has one base",
      hint: "to use another image as well, put it in a (build NAME ((from BASE) ...)) before the first (from ...)",
      notes: [{ at: state.from.at, message: "the first one is here" }],
    });
    return;
  }
  state.from = { base: base?.kind === "atom" ? base.text : "", at: list.at };
  if ((base?.kind !== "atom" || list.items.length !== 2) && (list.closed || list.items.length > 2)) {
    report({
      at: list.at,
      message: `(from ...) takes the name of one base image, found ${foundInFrom(list)}`,
      hint: `write (${name.text} ${base?.kind === "atom" ? (suggestion(base.text) ?? "BASE") : "BASE"})`,
    });
  }
}

function readBuild(state: SpecState, list: ListNode): void {
  const { decoding } = state;
  const { report } = decoding;
  const [name, spec] = list.items.slice(1);
  const whole = list.items.length === 3;
  if (state.from !== undefined) {
    report({
      at: list.at,
      message: "(build ...) after (from ...): nested builds come first",
      hint: "move it up",
      notes: [{ at: state.from.at, message: "it must come before this" }],
    });
  }
  if (name?.kind !== "atom" || spec === undefined || !whole) {
    if (list.closed || list.items.length > 3) {
      report({
        at: list.at,
        message: "(build ...) takes a name and a spec",
        hint: `write (build ${name?.kind === "atom" ? (suggestion(name.text) ?? "NAME") : "NAME"} ((from BASE) ...))`,
      });
    }
    if (name?.kind === "atom") state.builds.push({ name: name.text, spec: nothing });
    return;
  }
  state.builds.push({ name: name.text, spec: decodeAt(spec, { ...decoding, depth: decoding.depth + 1 }) });
}

/** An `(arg ...)` before `(from ...)`. */
function readArg({ decoding, args, builds }: SpecState, list: ListNode): void {
  const { report, origins, hasArgs } = decoding;
  if (builds.length > 0) {
    report({
      at: list.at,
      message: "(arg ...) after (build ...): the args before (from ...) come first",
      hint: "move it up, or below (from ...) if only the operations need it",
    });
  }
  const arg = decodeArg({ node: list, args: list.items.slice(1), report, hasArgs });
  if (arg === undefined) return;
  args.push(arg);
  origins.set(arg, list);
}

function readOp(state: SpecState, list: ListNode, name: AtomNode): void {
  const { origins } = state.decoding;
  if (state.from === undefined && state.early === undefined) {
    state.early = list;
    state.earlyNeedsReport = opNameOf(name.text) !== undefined;
  }
  const op = decodeOp(list, name, state.decoding);
  if (op === undefined) return;
  state.ops.push(op);
  origins.set(op, list);
}

function finish(state: SpecState): Spec {
  const { node, decoding, args, builds, early, ops } = state;
  const { report, origins } = decoding;
  if (early !== undefined && state.earlyNeedsReport && (state.from !== undefined || node.closed)) {
    report(tooEarly(early, state.from?.at));
  } else if (state.from === undefined && node.closed) {
    report({
      at: node.at,
      message: "a spec without (from BASE)",
      hint: `the smallest spec is ${smallest}`,
    });
  }
  const spec: Spec = { ...(args.length > 0 && { args }), builds, from: state.from?.base ?? "", ops };
  origins.set(spec, node);
  return spec;
}

/** True if an item of the spec, or of a spec nested in it, is an `(arg ...)`. Nesting may have any depth. */
function declaresArgs(root: Node): boolean {
  const pending: (Node | undefined)[] = [root];
  while (pending.length > 0) {
    const spec = pending.pop();
    for (const item of spec?.kind === "list" ? spec.items : []) {
      const name = headOf(item)?.text;
      if (name !== undefined && opNameOf(name) === "arg") return true;
      if (name === "build" && item.kind === "list") pending.push(item.items[2]);
    }
  }
  return false;
}

function foundInFrom(list: ListNode): string {
  const [base] = list.items.slice(1);
  if (base === undefined) return "none";
  return list.items.length > 2 ? String(list.items.length - 1) : describe(base);
}

function tooEarly(op: ListNode, from: Range | undefined): Parameters<Report>[0] {
  return {
    at: op.at,
    message: `${describe(op)} before (from BASE): expected (build NAME SPEC) or (from BASE) here`,
    hint: from === undefined ? "start the spec with (from BASE)" : "move (from ...) up",
    notes: from === undefined ? [] : [{ at: from, message: "(from ...) is here" }],
  };
}

/** What a name before `(from ...)` was probably meant to be: `frm` is not an op, but similar to `from`. */
function meantItem(name: string): string {
  if (name === "from" || name === "build" || opNameOf(name) !== undefined) return name;
  const [near] = nearNames(name, ["from", "build", ...opNames]);
  return near === "from" || near === "build" ? near : name;
}
