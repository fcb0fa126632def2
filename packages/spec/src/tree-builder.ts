import type { Note, Problem, Range, Report } from "./problem.ts";
import type { Node } from "./sexp-tree.ts";

/** The expressions at the top level of a text. */
export interface Expressions {
  readonly nodes: readonly Node[];
  /** The first `)` that does not close a list, if there is one. */
  readonly strayClose: Range | undefined;
}

/** Receives what the parser finds, in order, and creates the nodes. Offsets are in UTF-16 units. */
export interface TreeBuilder {
  openList(at: Range): void;
  closeList(at: Range): void;
  addAtom(at: Range, text: string): void;
  /** A `#;`: the next expression at this level is skipped. */
  skipNext(at: Range): void;
  /** The end of the text. Closes the open lists, and reports them unless another error cut them short. */
  finish(options: { readonly cutShort: boolean }): Expressions;
}

interface OpenList {
  readonly at: Range;
  readonly items: Node[];
  /** The `#;` that have no expression yet. */
  readonly skips: Range[];
}

/**
 * Creates a builder for `text`. It keeps the open lists on its own stack, so nesting is limited by memory and not by the
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
      // Items of the outermost list often start a line.
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

/** A parenthesis whose indentation suggests that another one is missing before it. */
interface Misplaced {
  readonly kind: "opening" | "closing";
  readonly at: Range;
  /** The list that contains it, or that it closes. */
  readonly list: Range;
}

/** A list that starts a line at most as far to the right as the list that contains it. */
function misplacedOpening(text: string, list: Range, at: Range): Misplaced | undefined {
  const column = columnIfFirst(text, at.start);
  const outside = column !== undefined && column <= columnOf(text, list.start);
  return outside ? { kind: "opening", at, list } : undefined;
}

/** A `)` that starts a line to the left of the list that it closes. */
function misplacedClosing(text: string, list: Range, at: Range): Misplaced | undefined {
  const column = columnIfFirst(text, at.start);
  const opening = columnIfFirst(text, list.start);
  const outside = column !== undefined && opening !== undefined && column < opening;
  return outside ? { kind: "closing", at, list } : undefined;
}

/** The column, from 0, of an offset with only blanks before it on its line. */
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
      // If many are missing, the text is truncated and not mistyped, and indentation is not a clue.
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
    { at, message: "this ')' is left of the list that it closes" },
    { at: list, message: "which starts here: is there a '(' too many, or is a ')' missing in between?" },
  ];
}
