/** The maximum length of a line. A `copy` that does not fit has one field per line. */
export const lineWidth = 79;

/** The maximum indentation, in columns, however deeply builds are nested. */
const deepestIndent = 68;

/** A text that is being written, with its current column (from 0). */
export interface Page {
  write(text: string): void;
  /** Starts a line that is indented to a column. */
  newline(column: number): void;
  column(): number;
  text(): string;
}

/** @param start the column that the text starts at. */
export function createPage(start: number): Page {
  const parts: string[] = [];
  let column = start;
  return {
    write: (text) => {
      parts.push(text);
      const line = text.lastIndexOf("\n");
      column = line === -1 ? column + text.length : text.length - line - 1;
    },
    newline: (to) => {
      column = Math.min(to, deepestIndent);
      parts.push("\n", " ".repeat(column));
    },
    column: () => column,
    text: () => parts.join(""),
  };
}
