/**
 * The text that Docker gives to a shell, as the lines that it is written on: without comments and empty lines between them, and
 * without the backslashes at their ends.
 */
export function shellLines(text: string): readonly string[] {
  const lines = text.split(/\r?\n/).filter((line, index) => index === 0 || !/^\s*(?:#|$)/.test(line));
  return lines.map((line, index) =>
    index === lines.length - 1 ? line.trimEnd() : line.replace(/\\[ \t]*$/, ""),
  );
}

/** Words for a POSIX shell, each quoted where it needs it. */
export function shellWords(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`))
    .join(" ");
}
