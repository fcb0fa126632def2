import { fieldNames, itemNames } from "./keywords.ts";
import { showAtom } from "./near-name.ts";
import type { Report } from "./problem.ts";
import type { Sexp } from "./sexp.ts";
import type { ListNode, Node } from "./sexp-tree.ts";
import { sexpToLine } from "./spec-print.ts";

/** An op's list, taken apart. */
export interface Call {
  readonly node: ListNode;
  readonly args: readonly Node[];
  readonly report: Report;
}

/** A list's values after its name, with the words to explain them. */
export interface Operands {
  /** The list that they stand in. */
  readonly node: ListNode;
  readonly values: readonly Node[];
  /** The list in its place, for example `(shell ...) in (run ...)`. */
  readonly title: string;
  /** What is right, for example `(shell "COMMAND")`. */
  readonly example: string;
  readonly report: Report;
}

/** The one atom that the list must hold; undefined, with a report, if it does not. */
export function oneAtom(operands: Operands): string | undefined {
  const { node, values, report, title } = operands;
  const [first] = values;
  if (first !== undefined && values.length === 1) return atomText(first, operands);
  if (first === undefined && !node.closed) return undefined;
  const joined = joinedAtoms(values);
  report({
    at: node.at,
    message: `${title} takes one string, found ${values.length === 0 ? "none" : values.length}`,
    hint:
      first === undefined || joined === undefined
        ? `write ${operands.example}`
        : `put it in quotes: ${suggestion([nameOf(node), joined]) ?? operands.example}`,
  });
  return undefined;
}

/** The words of a string that should have been in quotes; undefined if one of them is a list. */
export function joinedAtoms(nodes: readonly Node[]): string | undefined {
  const texts = nodes.flatMap((node) => (node.kind === "atom" ? [node.text] : []));
  return texts.length === nodes.length ? texts.join(" ") : undefined;
}

/** The values of a list that must all be atoms; what is none is reported and left out. */
export function allAtoms(operands: Operands): readonly string[] {
  return operands.values.flatMap((value) => atomText(value, operands) ?? []);
}

/** The text of an atom; undefined, with a report, for a list. */
export function atomText(
  node: Node,
  operands: Pick<Operands, "title" | "example" | "report">,
): string | undefined {
  if (node.kind === "atom") return node.text;
  const [head] = node.items;
  const misplaced = head?.kind === "atom" && (itemNames.has(head.text) || fieldNames.has(head.text));
  operands.report({
    at: node.at,
    message: `expected a string in ${operands.title}, found ${describe(node)}`,
    hint: misplaced ? "is a ')' missing before it?" : `write ${operands.example}`,
  });
  return undefined;
}

/** An expression to show as a correction, unless it is long. */
export function suggestion(sexp: Sexp): string | undefined {
  const line = sexpToLine(sexp);
  return line.length > 100 || line.includes("\n") ? undefined : line;
}

/** A node for a reader, in few words. */
export function describe(node: Node): string {
  if (node.kind === "atom") return showAtom(node.text);
  const [head] = node.items;
  if (head === undefined) return "an empty list";
  return head.kind === "atom" ? `(${shortAtom(head.text)} ...)` : "a list of lists";
}

function shortAtom(text: string): string {
  return showAtom(text).slice(1, -1);
}

function nameOf(node: ListNode): string {
  const [head] = node.items;
  return head?.kind === "atom" ? head.text : "";
}
