import { eastAsianWidth } from "get-east-asian-width";

import { printable } from "./near-name.ts";
import type { Note, Problem, Range } from "./problem.ts";
import { lineAt, type Position, positionAt, type SourceText } from "./source-text.ts";

/** One error in a spec. */
export interface Diagnostic {
  readonly position: Position;
  /** What is wrong, and what was expected. */
  readonly message: string;
  /** What to write instead. */
  readonly hint: string | undefined;
}

/** The maximum number of problems that are shown. */
const shownProblems = 20;

/** How many characters of a long line are shown before and after the position. */
const windowBefore = 50;
const windowAfter = 60;

/**
 * A spec that cannot be parsed, decoded or validated. The message is complete and can be printed: for every diagnostic it
 * has the position, the line with a caret, the hint and the notes.
 */
export class SpecError extends Error {
  override readonly name = "SpecError";
  readonly code = "BAD_SPEC";
  /** Always undefined: each diagnostic has its own hint, which is in the message. */
  readonly hint: string | undefined = undefined;
  /** The name of the text, as `ParseOptions.file` gives it. */
  readonly file: string;
  /** In the order of the text, at most the first 20. */
  readonly diagnostics: readonly Diagnostic[];

  constructor(source: SourceText, problems: readonly Problem[]) {
    const sorted = problems.toSorted((a, b) => a.at.start - b.at.start);
    const shown = sorted.slice(0, shownProblems);
    const rest = sorted.length > shown.length ? ["There is more that is wrong; it is not shown."] : [];
    super([...shown.map((problem) => renderProblem(source, problem)), ...rest].join("\n\n"));
    this.file = source.file;
    this.diagnostics = shown.map(({ at, message, hint }) => ({
      position: positionAt(source, at.start),
      message,
      hint,
    }));
  }
}

/** The position, the message, the line with a caret, the hint and the notes; without a newline at the end. */
export function renderProblem(source: SourceText, problem: Problem): string {
  const lines = [`${place(source, problem.at)}: ${problem.message}`, ...excerpt(source, problem.at)];
  if (problem.hint !== undefined) lines.push(`  hint: ${problem.hint}`);
  for (const note of problem.notes ?? []) lines.push(...renderNote(source, note));
  return lines.join("\n");
}

function renderNote(source: SourceText, note: Note): readonly string[] {
  return [`  note: ${place(source, note.at)}: ${note.message}`, ...excerpt(source, note.at)];
}

function place(source: SourceText, at: Range): string {
  const { line, column } = positionAt(source, at.start);
  return `${source.file}:${line}:${column}`;
}

/** The line of the start of the range, with carets below the part of the range on that line. */
export function excerpt(source: SourceText, at: Range): readonly string[] {
  const line = lineAt(source, at.start);
  if (line.text.trim() === "") return [];
  const offset = Math.min(at.start - line.start, line.text.length);
  const before = Array.from(line.text.slice(Math.max(0, offset - 2 * windowBefore), offset));
  const after = Array.from(line.text.slice(offset, offset + 2 * windowAfter));
  const cutBefore = before.length > windowBefore || offset > 2 * windowBefore;
  const cutAfter = after.length > windowAfter || line.text.length > offset + 2 * windowAfter;
  const lead = (cutBefore ? "…" : "") + visible(before.slice(-windowBefore).join(""));
  const rest = visible(after.slice(0, windowAfter).join("")) + (cutAfter ? "…" : "");
  const marked = visible(
    after
      .slice(0, windowAfter)
      .join("")
      .slice(0, at.end - at.start),
  );
  const number = String(positionAt(source, at.start).line);
  const margin = " ".repeat(number.length);
  return [
    `  ${number} | ${lead}${rest}`,
    `  ${margin} | ${" ".repeat(displayWidth(lead))}${"^".repeat(Math.max(1, displayWidth(marked)))}`,
  ];
}

function visible(text: string): string {
  return printable(text.replaceAll("\t", "    "));
}

/** The width of a text on a terminal, in columns. */
function displayWidth(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) {
    if (!/\p{Mark}/u.test(character)) width += eastAsianWidth(character.codePointAt(0) ?? 0);
  }
  return width;
}
