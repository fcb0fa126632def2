import type { Range } from "./problem.ts";
import type { Sexp } from "./sexp.ts";

/** An atom with its position in the text. */
export interface AtomNode {
  readonly kind: "atom";
  readonly text: string;
  readonly at: Range;
}

/** A list with its position in the text, parentheses included. */
export interface ListNode {
  readonly kind: "list";
  readonly items: readonly Node[];
  readonly at: Range;
  /** False if the text ended before the list was closed. Then a missing item is not an error of its own. */
  readonly closed: boolean;
}

/** An S-expression with its position in the text. */
export type Node = AtomNode | ListNode;

/** A node without positions. A list can be nested to any depth. */
export function toSexp(node: Node): Sexp {
  if (node.kind === "atom") return node.text;
  const root: Sexp[] = [];
  const pending: { readonly items: readonly Node[]; readonly into: Sexp[] }[] = [
    { items: node.items, into: root },
  ];
  for (let list = pending.pop(); list !== undefined; list = pending.pop()) {
    for (const item of list.items) {
      if (item.kind === "atom") {
        list.into.push(item.text);
      } else {
        const into: Sexp[] = [];
        list.into.push(into);
        pending.push({ items: item.items, into });
      }
    }
  }
  return root;
}
