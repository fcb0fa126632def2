import { opNameOf } from "../../decode-op.ts";
import { headOf } from "../../fields.ts";
import type { ListNode, Node } from "../../sexp-tree.ts";
import { scan } from "../../tokens.ts";

/** A list that encloses a place. */
export interface Enclosing {
  readonly node: ListNode;
  /** What the list is: the names of `keywordDocs`, empty for a spec; undefined for what no rule knows. */
  readonly role: string | undefined;
}

/** What is at a place in the text of a spec. */
export interface Cursor {
  /** Outermost first. */
  readonly lists: readonly Enclosing[];
  /** The atom that the place is in, or at an end of. */
  readonly atom: Node | undefined;
  /** The index in the innermost list of the atom, or of what would be inserted. */
  readonly index: number;
}

/** Finds what is at an offset, also in a text with errors. Undefined in a comment, or if a spec is not there. */
export function cursorAt(text: string, nodes: readonly Node[], offset: number): Cursor | undefined {
  if (isInComment(text, offset)) return undefined;
  const lists: Enclosing[] = [];
  let items: readonly Node[] = nodes;
  let role: string | undefined = "";
  while (true) {
    const at = items.findIndex((item) => isInside(item, offset));
    const found = items[at];
    if (found?.kind !== "list") {
      if (lists.length === 0) return undefined;
      const before = items.filter((item) => item.at.end <= offset && item !== found).length;
      return { lists, atom: found, index: found === undefined ? before : at };
    }
    const owner: Enclosing | undefined = lists.at(-1);
    if (owner !== undefined) role = roleIn(owner, found, at);
    lists.push({ node: found, role });
    items = found.items;
  }
}

function isInside(node: Node, offset: number): boolean {
  if (node.kind === "atom") return node.at.start <= offset && offset <= node.at.end;
  return node.at.start < offset && (node.closed ? offset < node.at.end : offset <= node.at.end);
}

/** What a list in another one is. */
function roleIn({ node, role }: Enclosing, list: ListNode, index: number): string | undefined {
  const name = headOf(list)?.text ?? "";
  if (role === undefined) return undefined;
  if (role === "") return opNameOf(name) ?? name;
  if (role === "build") return index === 2 ? "" : undefined;
  if (role === "run.cache" || role === "run.secrets") return `${role}.*`;
  // `(Run ((shell ...)))`: a list of the fields.
  if (headOf(list) === undefined) return index === 1 && node.items.length === 2 ? role : undefined;
  return `${role}.${name}`;
}

function isInComment(text: string, offset: number): boolean {
  let found = false;
  const comments: number[] = [];
  scan(text, (kind, { startOffset: start, image }) => {
    const end = start + image.length;
    if (kind === "lineComment") found ||= start < offset && offset <= end;
    else if (kind === "commentOpen") comments.push(start);
    else if (kind === "commentClose") {
      const first = comments.pop() ?? start;
      found ||= first < offset && offset < end;
    }
  });
  return found || (comments[0] ?? Infinity) < offset;
}
