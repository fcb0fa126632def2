import { stripVTControlCharacters } from "node:util";
import { unsafeCharacters } from "@ob/core";

// Tab and newline are text.
const unsafe = String.raw`(?![\t\n])[${unsafeCharacters}]`;
// Sets of Unicode's characters take V8 a quarter of a millisecond each: they are made for text that may need them. V8 keeps them.
const allUnsafe = () => new RegExp(unsafe, "gu");
const plainText = /^[\t\n\x20-\x7e]*$/;
/**
 * Of a character class with the flag `u`: what the output of a program keeps all the same. Joiners and the soft hyphen are part of words and
 * emoji, and unassigned characters may have been assigned since.
 */
export const keptInOutput = String.raw`\xad\u200c\u200d\p{Cn}`;
const unsafeInOutput = String.raw`(?![${keptInOutput}])${unsafe}`;

/** True for text that `printable` returns unchanged. */
export function isPrintable(text: string): boolean {
  return plainText.test(text) || !new RegExp(unsafe, "u").test(text);
}

/**
 * Text for a terminal that may quote a guest, an archive, a disk or a file name: control sequences are removed, and what
 * is left of unsafe characters is shown as an escape, such as `\x07` or `\u202e`.
 */
export function printable(text: string): string {
  if (isPrintable(text)) return text;
  return stripVTControlCharacters(text.replaceAll("\r\n", "\n")).replace(allUnsafe(), escaped);
}

/** As `printable`, for a line: newlines are escaped as well. */
export function printableLine(text: string): string {
  return printable(text).replaceAll("\n", String.raw`\n`);
}

/** A value as JSON on one line, in which such characters are escaped. It has the same meaning as without. */
export function jsonLine(value: unknown): string {
  return escapedJson(JSON.stringify(value));
}

/** A value as one JSON document for people and programs, over several lines, with its line end; escaped as by `jsonLine`. */
export function jsonDocument(value: unknown): string {
  return `${escapedJson(JSON.stringify(value, undefined, 2))}\n`;
}

function escapedJson(json: string): string {
  return isPrintable(json) ? json : json.replace(allUnsafe(), unicodeEscapes);
}

/** Removes such characters, except those that output keeps, from a line in which control sequences have been dealt with. */
export function withoutControls(text: string): string {
  return plainText.test(text) ? text : text.replace(new RegExp(unsafeInOutput, "gu"), "");
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code > 0xffff) return String.raw`\u{${code.toString(16)}}`;
  return code < 0x100 ? String.raw`\x${code.toString(16).padStart(2, "0")}` : unicodeEscapes(character);
}

/** One escape for each UTF-16 unit, as JSON has them. */
function unicodeEscapes(character: string): string {
  return character
    .split("")
    .map((unit) => String.raw`\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
