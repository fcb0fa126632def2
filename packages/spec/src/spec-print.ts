import type { Op, Spec } from "./ast.ts";
import { checkOp, checkSpec } from "./check-arguments.ts";
import { encodeOp, encodeSpec } from "./encode.ts";
import { createPage, lineWidth, type Page } from "./page.ts";
import type { Sexp } from "./sexp.ts";
import { atomToMachine, escapeAtom, sexpToMachine } from "./sexp-print.ts";

/** The machine form of a spec: one line, byte for byte the original's. */
export function printMachine(spec: Spec): string {
  checkSpec("printMachine", spec);
  return sexpToMachine(encodeSpec(spec));
}

/**
 * The human form of a spec, formatted as by the original: one op per line, the fields of a `run` below each other, a
 * command of several lines over several lines. It parses to the same spec, and formatting that gives the same text.
 * Comments in the source are not part of a spec, so they are lost; `formatSource` of `@ob/spec/editor` keeps them. There is no
 * newline at the end.
 */
export function formatSpec(spec: Spec): string {
  checkSpec("formatSpec", spec);
  const page = createPage(0);
  page.write("(");
  writeBelow(page, encodeSpec(spec), writeItem);
  page.newline(0);
  page.write(")");
  return page.text();
}

/**
 * The human form of one op, as the original prints it above a step's log.
 *
 * @param options.column the column, from 0, that it is printed at: the following lines are indented to match.
 */
export function formatOp(op: Op, options: { readonly column?: number } = {}): string {
  checkOp("formatOp", op);
  const page = createPage(options.column ?? 0);
  writeItem(page, encodeOp(op));
  return page.text();
}

/** The human form on one line, except for atoms of several lines. */
export function sexpToLine(sexp: Sexp): string {
  const page = createPage(0);
  writeLine(page, sexp);
  return page.text();
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

/** Writes items below each other, in the current column. */
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

/** Writes an atom of several lines: each line ends in a backslash, and the next one begins with `\n`. */
function writeAtom(page: Page, atom: string): void {
  if (!isMultiline(atom)) {
    page.write(atomToMachine(atom));
    return;
  }
  const column = page.column();
  // The blank aligns the text of the first line with the others.
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

/** True if the expression fits on the rest of the line, without its last parenthesis. */
function fits(sexp: Sexp, column: number): boolean {
  return widthUpTo(sexp, lineWidth - column + 1) <= lineWidth - column + 1;
}

/** The width on one line, in columns. If it exceeds the limit, any number above the limit. */
function widthUpTo(sexp: Sexp, limit: number): number {
  // An atom of several lines counts with all its lines, as in the original.
  if (typeof sexp === "string") return isMultiline(sexp) ? multilineWidth(sexp) : atomToMachine(sexp).length;
  let width = 2 + Math.max(0, sexp.length - 1);
  for (const item of sexp) {
    if (width > limit) break;
    width += widthUpTo(item, limit - width);
  }
  return width;
}
