import { stripVTControlCharacters } from "node:util";

/** Of a character class: DEL, C1, and the characters that change the direction of text around them (UAX #9). */
export const c1AndDirections = String.raw`\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069`;
// C0 but tab and newline as well.
const unsafe = String.raw`\x00-\x08\x0b-\x1f${c1AndDirections}`;
const unsafeCharacter = new RegExp(`[${unsafe}]`);
const unsafeCharacters = new RegExp(`[${unsafe}]`, "g");

/** True for text that `printable` returns unchanged. */
export function isPrintable(text: string): boolean {
  return !unsafeCharacter.test(text);
}

/**
 * Text for a terminal that may quote a guest, an archive, a disk or a file name: control sequences are removed, and what
 * is left of control characters and bidirectional controls is shown as an escape, such as `\x07` or `\u202e`.
 */
export function printable(text: string): string {
  if (isPrintable(text)) return text;
  return stripVTControlCharacters(text.replaceAll("\r\n", "\n")).replace(unsafeCharacters, escaped);
}

/** As `printable`, for a line: newlines are escaped as well. */
export function printableLine(text: string): string {
  return printable(text).replaceAll("\n", String.raw`\n`);
}

/** A value as JSON on one line, in which such characters are escaped. It has the same meaning as without. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value).replace(unsafeCharacters, unicodeEscape);
}

/** Removes those characters from text in which control sequences have been dealt with. */
export function withoutControls(text: string): string {
  return text.replace(unsafeCharacters, "");
}

function escaped(character: string): string {
  const code = character.charCodeAt(0);
  return code < 0x100 ? String.raw`\x${code.toString(16).padStart(2, "0")}` : unicodeEscape(character);
}

function unicodeEscape(character: string): string {
  return String.raw`\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
