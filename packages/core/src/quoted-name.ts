import { unsafeCharacters } from "./unsafe-characters.ts";

const unsafe = `[${unsafeCharacters}]`;

const maxNameLength = 200;

/**
 * A file name for a message: in double quotes, on one line, and shortened if it is long. What could drive a terminal or
 * change the order of the text is escaped.
 */
export function quotedName(name: string): string {
  const start = name.slice(0, maxNameLength);
  const text = start.replaceAll(/["\\]/g, String.raw`\$&`).replaceAll(new RegExp(unsafe, "gu"), escaped);
  return `"${text}${start.length < name.length ? "…" : ""}"`;
}

function escaped(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  // A byte that is not UTF-8, as file names have them.
  if (code >= 0xdc80 && code <= 0xdcff) return String.raw`\x${(code & 0xff).toString(16)}`;
  return char === "\n" ? String.raw`\n` : String.raw`\u{${code.toString(16)}}`;
}
