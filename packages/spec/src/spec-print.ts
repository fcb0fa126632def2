import type { Op, Spec } from "./ast.ts";
import { encodeOp, encodeSpec } from "./encode.ts";
import type { Sexp } from "./sexp.ts";
import { atomToMachine, escapeAtom, sexpToMachine } from "./sexp-print.ts";

/** The columns of a line; a `copy` that does not fit has one field a line. */
const lineWidth = 79;

/** No line is indented further than this, however deeply builds are nested. */
const deepestIndent = 68;

/** The machine form of a spec: one line, the original's to the byte. */
export function printMachine(spec: Spec): string {
  return sexpToMachine(encodeSpec(spec));
}

/**
 * The human form of a spec, laid out as the original does it: an op a line, the fields of a `run` one below the other,
 * a command of several lines over several lines. It parses to the same spec, and printing that gives the same text.
 * Comments of the source file are no part of a spec and so are not in it. No newline at the end.
 */
export function formatSpec(spec: Spec): string {
  const page = createPage(0);
  page.write("(");
  writeBelow(page, encodeSpec(spec), writeItem);
  page.newline(0);
  page.write(")");
  return page.text();
}

/**
 * The human form of one op, as the original shows it above a step's log. `column` (from 0) is where it will be printed:
 * lines after the first are indented to fit.
 */
export function formatOp(op: Op, options: { readonly column?: number } = {}): string {
  const page = createPage(options.column ?? 0);
  writeItem(page, encodeOp(op));
  return page.text();
}

/** The human form on one line, but for atoms that hold several lines. */
export function sexpToLine(sexp: Sexp): string {
  const page = createPage(0);
  writeLine(page, sexp);
  return page.text();
}

/** A text in the making that knows the column, from 0, that it has come to. */
interface Page {
  write(text: string): void;
  /** Starts a line that is indented to a column. */
  newline(column: number): void;
  column(): number;
  text(): string;
}

function createPage(start: number): Page {
  const parts: string[] = [];
  let column = start;
  return {
    write: (text) => {
      parts.push(text);
      column += text.length;
    },
    newline: (to) => {
      column = Math.min(to, deepestIndent);
      parts.push("\n", " ".repeat(column));
    },
    column: () => column,
    text: () => parts.join(""),
  };
}

function writeItem(page: Page, item: Sexp): void {
  const [head, ...rest] = typeof item === "string" ? [] : item;
  const [name, nested] = rest;
  if (head === "run" || (head === "copy" && !fits(item, page.column()))) {
    page.write(`(${head} `);
    writeBelow(page, rest, writeLine);
    page.write(")");
  } else if (head === "build" && name !== undefined && typeof nested === "object") {
    page.write("(build ");
    const column = page.column();
    writeLine(page, name);
    page.newline(column);
    page.write("(");
    writeBelow(page, nested, writeItem);
    page.write("))");
  } else {
    writeLine(page, item);
  }
}

/** Items one below the other, in the column that has been reached. */
function writeBelow(page: Page, items: readonly Sexp[], write: (page: Page, item: Sexp) => void): void {
  const column = page.column();
  items.forEach((item, index) => {
    if (index > 0) page.newline(column);
    write(page, item);
  });
}

function writeLine(page: Page, sexp: Sexp): void {
  if (typeof sexp === "string") {
    writeAtom(page, sexp);
    return;
  }
  page.write("(");
  sexp.forEach((item, index) => {
    if (index > 0) page.write(" ");
    writeLine(page, item);
  });
  page.write(")");
}

/** An atom of several lines is shown as such: each line is joined to the next by a backslash, which begins with `\n`. */
function writeAtom(page: Page, atom: string): void {
  if (!isMultiline(atom)) {
    page.write(atomToMachine(atom));
    return;
  }
  const column = page.column();
  // The blank puts the first line's text above the others'.
  page.write(' "');
  atom.split("\n").forEach((line, index) => {
    if (index > 0) {
      page.write("\\");
      page.newline(column);
      page.write("\\n");
    }
    page.write(escapeAtom(line));
  });
  page.write('"');
}

function isMultiline(atom: string): boolean {
  const end = atom.indexOf("\n");
  return end !== -1 && end !== atom.length - 1;
}

function multilineWidth(atom: string): number {
  return ' ""'.length + escapeAtom(atom).length + "\\".length * (atom.split("\n").length - 1);
}

/** True if the expression fits on the rest of a line, but for its last parenthesis. */
function fits(sexp: Sexp, column: number): boolean {
  return widthUpTo(sexp, lineWidth - column + 1) <= lineWidth - column + 1;
}

/** The width on one line; once it is above the limit, just something above the limit. */
function widthUpTo(sexp: Sexp, limit: number): number {
  // An atom of several lines counts with all of them, as the original does it.
  if (typeof sexp === "string") return isMultiline(sexp) ? multilineWidth(sexp) : atomToMachine(sexp).length;
  let width = 2 + Math.max(0, sexp.length - 1);
  for (const item of sexp) {
    if (width > limit) break;
    width += widthUpTo(item, limit - width);
  }
  return width;
}
