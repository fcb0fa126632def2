import type { Page } from "../../page.ts";

/** A backslash at the end of a line with the next line's leading blanks, an escape, or other text. */
const pieces = /\\\r?\n[ \t]*|\\[^]|[^\\]+|\\/g;

const continuation = /^\\\r?\n([ \t]*)/;

/**
 * Writes an atom as it is written in the source. Only the blanks at the start of a continued line are not part of it: these
 * follow the atom's first line.
 *
 * @param column that the atom has in the source.
 */
export function writeSourceAtom(page: Page, atom: { readonly text: string; readonly column: number }): void {
  if (!atom.text.includes("\n")) {
    page.write(atom.text);
    return;
  }
  const parts = atom.text.match(pieces) ?? [];
  const aligned = isAligned(parts);
  // The blank aligns the text of the first line with the others.
  const column = page.column();
  if (aligned) page.write(" ");
  const shift = page.column() - atom.column;
  for (const part of parts) {
    const indent = continuation.exec(part)?.[1];
    if (indent === undefined) {
      page.write(part);
    } else {
      page.write("\\");
      page.newline(aligned ? column : Math.max(0, indent.length + shift));
    }
  }
}

/** The columns of a continued atom that `writeSourceAtom` starts with a blank, as `formatSpec` does. */
export function isAlignedAtom(text: string): boolean {
  return text.includes("\n") && isAligned(text.match(pieces) ?? []);
}

/** True if each line after the first begins with `\n`, as `formatSpec` writes an atom of several lines. */
function isAligned(parts: readonly string[]): boolean {
  return parts.every((part, index) =>
    continuation.test(part) ? parts[index + 1] === "\\n" : !part.includes("\n"),
  );
}
