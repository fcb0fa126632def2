import { ObError } from "@ob/core";

/** Words that need no quoting in any shell. */
const plain = /^[A-Za-z0-9_./:,@+-]+$/;

/**
 * Quotes a word for the shells of the Bourne family (sh, bash, dash, ash, ksh), so that it reaches the program unchanged.
 *
 * @throws ObError `UNSUPPORTED` for what no argument can contain: a NUL byte, or bytes that are not UTF-8.
 */
export function quoteWord(word: string): string {
  checkText(word);
  if (plain.test(word)) return word;
  return `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

/** A command line of these words. */
export function quoteWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}

/** @throws ObError `UNSUPPORTED` if the text cannot be an argument of a program in the guest. */
export function checkText(text: string): void {
  if (text.includes("\0")) {
    throw new ObError("UNSUPPORTED", `A NUL byte cannot be passed to the guest: ${shorten(text)}`);
  }
  if (!text.isWellFormed()) {
    throw new ObError(
      "UNSUPPORTED",
      `Bytes that are not UTF-8 cannot be passed to the guest: ${shorten(text)}`,
      { hint: "Write them with printf and octal escapes, or copy them in as a file." },
    );
  }
}

function shorten(text: string): string {
  const shown = JSON.stringify(text);
  return shown.length <= 80 ? shown : `${shown.slice(0, 77)}…`;
}
