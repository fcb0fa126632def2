import type { Note, Problem, Range, Report } from "./problem.ts";
import type { Node } from "./sexp-tree.ts";

/** What a text holds at its outermost level. */
export interface Expressions {
  readonly nodes: readonly Node[];
  /** The first `)` that closes nothing, if there is one. */
  readonly strayClose: Range | undefined;
}

/** Takes what the parser finds, in order, and makes nodes of it. Offsets are UTF-16 units. */
export interface TreeBuilder {
  openList(at: Range): void;
  closeList(at: Range): void;
  addAtom(at: Range, text: string): void;
  /** A `#;`: the next expression at this level is skipped. */
  skipNext(at: Range): void;
  /** The end of the text. Lists that are open are closed here, and reported unless something else cut them short. */
  finish(options: { readonly cutShort: boolean }): Expressions;
}

interface OpenList {
  readonly at: Range;
  readonly items: Node[];
  /** The `#;` that wait for an expression. */
  readonly skips: Range[];
}

/**
 * A builder over `text`. Open lists are kept on a stack of its own, so nesting is bounded by memory and not by the
 * call stack.
 */
export function createTreeBuilder(text: string, report: Report): TreeBuilder {
  const outermost: OpenList = { at: { start: 0, end: 0 }, items: [], skips: [] };
  const open: OpenList[] = [];
  let strayClose: Range | undefined;
  let misplaced: Misplaced | undefined;

  const current = (): OpenList => open.at(-1) ?? outermost;

  const add = (node: Node): void => {
    const parent = current();
    if (parent.skips.pop() === undefined) parent.items.push(node);
  };

  const close = (list: OpenList, end: { readonly offset: number; readonly closed: boolean }): void => {
    const [skip] = list.skips;
    if (skip !== undefined && end.closed) report(skipsNothing(skip));
    const at = { start: list.at.start, end: end.offset };
    add({ kind: "list", items: list.items, at, closed: end.closed });
  };

  return {
    openList: (at) => {
      // What stands in the outermost list may well start its lines.
      const parent = open.length > 1 ? open.at(-1) : undefined;
      if (parent !== undefined) misplaced ??= misplacedOpening(text, parent.at, at);
      open.push({ at, items: [], skips: [] });
    },
    closeList: (at) => {
      const list = open.pop();
      if (list === undefined) {
        strayClose ??= at;
      } else {
        misplaced ??= misplacedClosing(text, list.at, at);
        close(list, { offset: at.end, closed: true });
      }
    },
    addAtom: (at, atom) => add({ kind: "atom", text: atom, at }),
    skipNext: (at) => {
      current().skips.push(at);
    },
    finish: ({ cutShort }) => {
      if (open.length > 0 && !cutShort) report(neverClosed(text, { open, misplaced }));
      for (let list = open.pop(); list !== undefined; list = open.pop()) {
        close(list, { offset: text.length, closed: false });
      }
      const [skip] = outermost.skips;
      if (skip !== undefined && !cutShort) report(skipsNothing(skip));
      return { nodes: outermost.items, strayClose };
    },
  };
}

/** A parenthesis whose indentation says that another one is missing before it. */
interface Misplaced {
  readonly kind: "opening" | "closing";
  readonly at: Range;
  /** The list that holds it, or that it closes, as it is written. */
  readonly list: Range;
}

/** A list that starts a line no further right than the list that holds it. */
function misplacedOpening(text: string, list: Range, at: Range): Misplaced | undefined {
  const column = columnIfFirst(text, at.start);
  const outside = column !== undefined && column <= columnOf(text, list.start);
  return outside ? { kind: "opening", at, list } : undefined;
}

/** A `)` that starts a line left of the list that it closes. */
function misplacedClosing(text: string, list: Range, at: Range): Misplaced | undefined {
  const column = columnIfFirst(text, at.start);
  const opening = columnIfFirst(text, list.start);
  const outside = column !== undefined && opening !== undefined && column < opening;
  return outside ? { kind: "closing", at, list } : undefined;
}

/** The column, from 0, of an offset that only blanks precede on its line. */
function columnIfFirst(text: string, offset: number): number | undefined {
  let start = offset;
  while (start > 0 && (text[start - 1] === " " || text[start - 1] === "\t")) start--;
  return start === 0 || text[start - 1] === "\n" ? offset - start : undefined;
}

function columnOf(text: string, offset: number): number {
  return offset - (offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1);
}

function skipsNothing(at: Range): Problem {
  return {
    at,
    message: "'#;' skips the expression after it, and there is none here",
    hint: "remove it, or put it before what is to be skipped",
  };
}

function neverClosed(
  text: string,
  lists: { readonly open: readonly OpenList[]; readonly misplaced: Misplaced | undefined },
): Problem {
  const ranges = lists.open.map((list) => list.at);
  const innermost = ranges.at(-1) ?? { start: 0, end: 0 };
  const missing = ranges.length === 1 ? "a ')'" : `${ranges.length} ')'`;
  const lastLine = text.trimEnd().split("\n").length;
  return {
    at: innermost,
    message: `this list is never closed: expected ${missing} before the end of the file on line ${lastLine}`,
    notes: [
      // Where many are missing, the text is cut off rather than mistyped, and indentation tells nothing.
      ...(lists.misplaced === undefined || ranges.length > 2 ? [] : explain(lists.misplaced)),
      ...ranges
        .slice(0, -1)
        .slice(-3)
        .toReversed()
        .map((at) => ({ at, message: "nor is this one" })),
    ],
  };
}

function explain({ kind, at, list }: Misplaced): readonly Note[] {
  if (kind === "opening") {
    return [
      { at, message: "its indentation says that a ')' is missing somewhere before this" },
      { at: list, message: "as it is written, it belongs to this list" },
    ];
  }
  return [
    { at, message: "this ')' stands left of the list that it closes" },
    { at: list, message: "which starts here: is there a '(' too many, or is a ')' missing in between?" },
  ];
}
