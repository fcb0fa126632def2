import type { Range } from "../../problem.ts";
import { scan, type Token, type TokenKind } from "../../tokens.ts";

/** An atom, as it is written: with its quotes and escapes. */
export interface SourceAtom extends Range {
  readonly kind: "atom";
  readonly text: string;
}

/** A list with all that is in it, comments included. */
export interface SourceList extends Range {
  readonly kind: "list";
  readonly items: readonly SourceNode[];
}

/** A comment, as it is written. */
export interface Comment extends Range {
  /** `line`: `;` and the rest of the line. `block`: `#|` to `|#`. `skipped`: `#;` and what it skips. */
  readonly kind: "line" | "block" | "skipped";
  readonly text: string;
}

export type SourceNode = SourceAtom | SourceList | Comment;

export function isComment(node: SourceNode | undefined): node is Comment {
  return node !== undefined && node.kind !== "atom" && node.kind !== "list";
}

interface OpenList {
  readonly start: number;
  readonly items: SourceNode[];
  /** The `#;` that have no expression yet. */
  skips: number;
  /** Where the first of them is, and how many items were before it. */
  skipStart: number;
  skipIndex: number;
}

/** Reads a text that was parsed without an error: its expressions and its comments. */
export function readSourceTree(text: string): readonly SourceNode[] {
  const builder = createSourceBuilder(text);
  scan(text, builder.take);
  return builder.items;
}

function createSourceBuilder(text: string): {
  readonly items: readonly SourceNode[];
  readonly take: (kind: TokenKind, token: Token) => void;
} {
  const outermost = openList(0);
  const open: OpenList[] = [];
  /** How many block comments are open, and where the outermost one starts. */
  let comments = 0;
  let commentStart = 0;
  let stringStart = 0;
  const current = (): OpenList => open.at(-1) ?? outermost;
  const add = (node: SourceNode): void => addTo(current(), node, text);
  const addAtom = (start: number, end: number): void =>
    add({ kind: "atom", text: text.slice(start, end), start, end });

  return {
    items: outermost.items,
    take: (kind, { image, startOffset: start }) => {
      const end = start + image.length;
      if (kind === "listOpen") open.push(openList(start));
      else if (kind === "listClose") {
        const list = open.pop();
        if (list !== undefined) add({ kind: "list", items: list.items, start: list.start, end });
      } else if (kind === "bareAtom") addAtom(start, end);
      else if (kind === "stringOpen") stringStart = start;
      else if (kind === "stringClose" && comments === 0) addAtom(stringStart, end);
      else if (kind === "skipNext") skipNext(current(), start);
      else if (kind === "lineComment") add({ kind: "line", text: image, start, end });
      else if (kind === "commentOpen") {
        if (comments++ === 0) commentStart = start;
      } else if (kind === "commentClose" && --comments === 0) {
        add({ kind: "block", text: text.slice(commentStart, end), start: commentStart, end });
      }
    },
  };
}

function openList(start: number): OpenList {
  return { start, items: [], skips: 0, skipStart: 0, skipIndex: 0 };
}

function skipNext(list: OpenList, start: number): void {
  if (list.skips === 0) {
    list.skipStart = start;
    list.skipIndex = list.items.length;
  }
  list.skips++;
}

/** Adds a node. What `#;` skips, and the comments in between, become one comment. */
function addTo(list: OpenList, node: SourceNode, text: string): void {
  list.items.push(node);
  if (list.skips === 0 || isComment(node)) return;
  list.skips--;
  if (list.skips > 0) return;
  const { skipStart: start } = list;
  list.items.splice(list.skipIndex, Infinity, {
    kind: "skipped",
    text: text.slice(start, node.end),
    start,
    end: node.end,
  });
}
