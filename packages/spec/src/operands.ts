import { fieldNames, itemNames } from "./keywords.ts";
import { showAtom } from "./near-name.ts";
import type { Report } from "./problem.ts";
import type { Sexp } from "./sexp.ts";
import type { ListNode, Node } from "./sexp-tree.ts";
import { sexpToLine } from "./spec-print.ts";

/** The parts of an op's list. */
export interface Call {
  readonly node: ListNode;
  readonly args: readonly Node[];
  readonly report: Report;
  /** True in a spec with args: its uids and gids can be texts. */
  readonly hasArgs: boolean;
}

/** The values of a list after its name, with texts for error messages. */
export interface Operands {
  /** The list that contains them. */
  readonly node: ListNode;
  readonly values: readonly Node[];
  /** The list for an error message, for example `(shell ...) in (run ...)`. */
  readonly title: string;
  /** A correct example, such as `(shell "COMMAND")`. */
  readonly example: string;
  readonly report: Report;
}

/** The single atom in the list; undefined, with a report, if the list has anything else. */
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

/** The words of a string that should have been quoted; undefined if one of the nodes is a list. */
export function joinedAtoms(nodes: readonly Node[]): string | undefined {
  const texts = nodes.flatMap((node) => (node.kind === "atom" ? [node.text] : []));
  return texts.length === nodes.length ? texts.join(" ") : undefined;
}

/** The values of a list of atoms. Other nodes are reported and omitted. */
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

/** An expression as the text of a correction; undefined if it is long. */
export function suggestion(sexp: Sexp): string | undefined {
  const line = sexpToLine(sexp);
  return line.length > 100 || line.includes("\n") ? undefined : line;
}

/** A short description of a node for an error message. */
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
