import { stripVTControlCharacters } from "node:util";

/** Control and format characters, bidirectional ones too, and lone surrogates; not tab and newline. */
const unsafe = /[^\P{Cc}\t\n]|[\p{Cf}\p{Cs}\p{Cn}\u2028\u2029]/gu;

/**
 * A text of a guest, an image or a tool for a report: control sequences are removed, other characters that could drive a
 * terminal or change the order of the text are shown as an escape.
 */
export function safeText(text: string): string {
  return stripVTControlCharacters(text.replaceAll("\r\n", "\n")).replace(unsafe, (char) => {
    const code = char.codePointAt(0) ?? 0;
    return String.raw`\u{${code.toString(16)}}`;
  });
}

/**
 * Makes a function that removes directories of the host from a text, so that a report names neither users nor places.
 *
 * @param directories absolute paths; what is below one is shown as `…/NAME`.
 */
export function redactor(directories: readonly string[]): (text: string) => string {
  const known = directories.filter((each) => each.length > 1).toSorted((a, b) => b.length - a.length);
  return (text) => known.reduce((left, each) => left.replaceAll(each, "…"), text);
}

/** A text in a fenced block of Markdown that it cannot end. */
export function fenced(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}text\n${text.trimEnd()}\n${fence}`;
}

/** A text as a code span in a table of Markdown: one line in which nothing is markup, a link or a mention. */
export function codeSpan(text: string): string {
  const line = text
    .replaceAll(/\s+/g, " ")
    .replaceAll("`", "'")
    .replaceAll("|", String.raw`\|`)
    .trim();
  return line === "" ? "" : `\`${line}\``;
}
