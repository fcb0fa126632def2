import type { Emit } from "@ob/core";
import type { BuildRequest } from "./request.ts";

/** A secret with fewer bits can be found by trying all values against the id of a step, which is a plain hash over it. */
const minBits = 64;

/** A longer value is taken to be a key or a document, in bytes. */
const maxLength = 4_096;

/** Sets of characters with their sizes: a value is taken to be drawn from all sets that it has characters of. */
const alphabets: readonly (readonly [RegExp, number])[] = [
  [/[0-9]/, 10],
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[!-/:-@[-`{-~ ]/, 33],
  [/[^ -~]/, 128],
];

/** Warns of each secret of a request whose value is so short that the ids of the steps that use it give it away. */
export function warnOfGuessableSecrets({ secrets }: BuildRequest, emit: Emit): void {
  for (const [id, value] of secrets ?? []) {
    const bits = Math.floor(maxBits(value));
    if (bits >= minBits) continue;
    emit({
      type: "log",
      level: "warning",
      text: `The secret ${JSON.stringify(id)} can be guessed: it has at most ${bits} bits, and the ids of steps are hashes over their secrets. Use a random value of 16 characters or more.`,
    });
  }
}

/**
 * The most bits of randomness that a value of its length and its kinds of characters can have. Blanks and newlines around it are
 * not counted, and a character that is repeated counts twice at most.
 */
function maxBits(value: Uint8Array): number {
  if (value.length > maxLength) return Infinity;
  const text = Buffer.from(value)
    .toString("latin1")
    .trim()
    .replaceAll(/(.)\1{2,}/gs, "$1$1");
  const size = alphabets.reduce((sum, [pattern, count]) => sum + (pattern.test(text) ? count : 0), 0);
  return size === 0 ? 0 : text.length * Math.log2(size);
}
