import { createPage, lineWidth, type Page } from "../../page.ts";
import { isAlignedAtom, writeSourceAtom } from "./atom-layout.ts";
import { type Comment, isComment, type SourceList, type SourceNode } from "./source-tree.ts";

/** What is written, and where. */
interface Writing {
  readonly page: Page;
  /** The text that is formatted. */
  readonly source: string;
  /** The column, from 0, of an offset of the text, in UTF-16 units. */
  readonly columnOf: (offset: number) => number;
}

type WriteNode = (writing: Writing, node: SourceNode) => void;

/** Lays out the expressions of a spec's text as `formatSpec` does, with the comments and single blank lines between them. */
export function layOut(source: string, nodes: readonly SourceNode[]): string {
  const writing: Writing = { page: createPage(0), source, columnOf: columnsIn(source) };
  writeBelow(writing, nodes, writeRoot);
  return `${writing.page.text()}\n`;
}

function writeRoot(writing: Writing, node: SourceNode): void {
  if (node.kind !== "list") return writeLine(writing, node);
  const { page } = writing;
  page.write("(");
  writeBelow(writing, node.items, writeItem);
  page.newline(0);
  page.write(")");
}

function writeNestedSpec(writing: Writing, node: SourceNode): void {
  if (node.kind === "list") inParentheses(writing, node, () => writeBelow(writing, node.items, writeItem));
  else writeLine(writing, node);
}

/** Writes `(build NAME SPEC)` or an op. */
function writeItem(writing: Writing, node: SourceNode): void {
  if (node.kind !== "list") return writeLine(writing, node);
  const [head, ...rest] = node.items;
  const name = head?.kind === "atom" ? head.text.slice(0, 1).toLowerCase() + head.text.slice(1) : "";
  const isBelow = name === "build" || name === "run" || (name === "copy" && !fitsOnLine(writing, node));
  if (!isBelow || head === undefined || rest.length === 0) return writeLine(writing, node);
  inParentheses(writing, node, () => {
    writeLine(writing, head);
    writing.page.write(" ");
    writeBelow(writing, rest, name === "build" ? writeNestedSpec : writeField);
  });
}

/** Writes a field, or the list of all fields of `(Run (FIELD...))`. */
function writeField(writing: Writing, node: SourceNode): void {
  const isRecord = node.kind === "list" && node.items.find((item) => !isComment(item))?.kind === "list";
  if (!isRecord) return writeLine(writing, node);
  inParentheses(writing, node, () => writeBelow(writing, node.items, writeLine));
}

/** Writes a node on one line, as far as there are no comments that end a line, or atoms of several lines. */
function writeLine(writing: Writing, node: SourceNode): void {
  const { page, columnOf } = writing;
  if (node.kind === "atom") {
    writeSourceAtom(page, { text: node.text, column: columnOf(node.start) });
  } else if (isComment(node)) {
    writeComment(writing, node);
  } else {
    inParentheses(writing, node, () => writeAlong(writing, node.items));
  }
}

function inParentheses({ page }: Writing, list: SourceList, writeItems: () => void): void {
  const column = page.column();
  page.write("(");
  writeItems();
  if (list.items.at(-1)?.kind === "line") page.newline(column);
  page.write(")");
}

/** Writes nodes side by side, in lines that start in the column of the second one. */
function writeAlong(writing: Writing, nodes: readonly SourceNode[]): void {
  const { page, source } = writing;
  let column = page.column();
  nodes.forEach((node, index) => {
    const previous = nodes[index - 1];
    if (previous !== undefined) {
      if (index === 1 && previous.kind === "atom") column = page.column() + 1;
      const breaks = (isComment(previous) || isComment(node)) && !isOneLine(source, previous, node);
      if (breaks || previous.kind === "line") page.newline(column);
      else page.write(" ");
    }
    writeLine(writing, node);
  });
}

/** Writes nodes below each other, in the current column. A comment stays on the line that it is on. */
function writeBelow(writing: Writing, nodes: readonly SourceNode[], write: WriteNode): void {
  const { page, source } = writing;
  const column = page.column();
  let previousIsTrailing = false;
  nodes.forEach((node, index) => {
    const previous = nodes[index - 1];
    let isTrailing = false;
    if (previous !== undefined) {
      const together = previous.kind !== "line" && isOneLine(source, previous, node);
      isTrailing = together && isComment(node);
      if (isTrailing || (together && isComment(previous) && !previousIsTrailing)) page.write(" ");
      else newline(writing, { column, blank: hasBlankLine(source, previous, node) });
    }
    write(writing, node);
    previousIsTrailing = isTrailing;
  });
}

function newline({ page }: Writing, { column, blank }: { readonly column: number; readonly blank: boolean }) {
  if (blank) page.write("\n");
  page.newline(column);
}

function writeComment({ page, columnOf }: Writing, comment: Comment): void {
  if (comment.kind === "line") return page.write(comment.text.trimEnd());
  // An expression that is skipped may have strings of several lines.
  if (comment.kind === "skipped") return page.write(comment.text);
  const shift = page.column() - columnOf(comment.start);
  const [first = "", ...rest] = comment.text.replaceAll("\r\n", "\n").split("\n");
  const lines = rest.map((line) => {
    const text = line.replace(/^[ \t]+/, "");
    return text === "" ? "" : " ".repeat(Math.max(0, line.length - text.length + shift)) + text;
  });
  page.write([first, ...lines].join("\n"));
}

/** True if a list has no comments and its text, without its last parenthesis, is not wider than the rest of the line. */
function fitsOnLine({ page }: Writing, list: SourceList): boolean {
  const limit = lineWidth - page.column() + 1;
  return widthOf(list, limit) <= limit;
}

/** The width on one line, in columns; more than the limit for what cannot be on one. */
function widthOf(node: SourceNode, limit: number): number {
  if (isComment(node)) return limit + 1;
  // An atom of several lines counts with all its lines, as in `formatSpec`.
  if (node.kind === "atom") {
    const text = node.text.replaceAll(/\\\r?\n[ \t]*/g, "\\");
    return text.length + (isAlignedAtom(node.text) ? 1 : 0);
  }
  let width = 2 + Math.max(0, node.items.length - 1);
  for (const item of node.items) {
    if (width > limit) break;
    width += widthOf(item, limit - width);
  }
  return width;
}

function isOneLine(source: string, before: SourceNode, after: SourceNode): boolean {
  return !source.slice(before.end, after.start).includes("\n");
}

function hasBlankLine(source: string, before: SourceNode, after: SourceNode): boolean {
  return /\n[^\n]*\n/.test(source.slice(before.end, after.start));
}

/** Of offsets that are asked for in the order of the text. */
function columnsIn(source: string): (offset: number) => number {
  let lineStart = 0;
  let next = source.indexOf("\n");
  return (offset) => {
    while (next !== -1 && next < offset) {
      lineStart = next + 1;
      next = source.indexOf("\n", lineStart);
    }
    return offset - lineStart;
  };
}
