/** A position in a text. Both numbers count from 1; a column is a character (code point), not a byte. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A text with its name, for error messages. */
export interface SourceText {
  readonly file: string;
  readonly text: string;
}

/** The line and column of an offset, which is in UTF-16 units. */
export function positionAt(source: SourceText, offset: number): Position {
  const start = lineStart(source, offset);
  return {
    line: countNewlines(source.text, start) + 1,
    column: countCharacters(source.text, { start, end: offset }) + 1,
  };
}

/** As `positionAt`, for many offsets of one text: its lines are counted once, when they are first needed. */
export function positionsIn(source: SourceText): (offset: number) => Position {
  let starts: readonly number[] | undefined;
  return (offset) => {
    starts ??= lineStarts(source.text);
    let [low, high] = [0, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    const column = countCharacters(source.text, { start: starts[low] ?? 0, end: offset }) + 1;
    return { line: low + 1, column };
  };
}

function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1);
  return starts;
}

/** The line at an offset, without its line end, and the offset of its start. */
export function lineAt(
  source: SourceText,
  offset: number,
): { readonly start: number; readonly text: string } {
  const start = lineStart(source, offset);
  const end = source.text.indexOf("\n", start);
  const line = source.text.slice(start, end === -1 ? undefined : end);
  return { start, text: line.endsWith("\r") ? line.slice(0, -1) : line };
}

function lineStart(source: SourceText, offset: number): number {
  return offset === 0 ? 0 : source.text.lastIndexOf("\n", offset - 1) + 1;
}

function countNewlines(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < end; at = text.indexOf("\n", at + 1)) count++;
  return count;
}

function countCharacters(text: string, range: { readonly start: number; readonly end: number }): number {
  let count = 0;
  for (let at = range.start; at < range.end; count++) at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  return count;
}
