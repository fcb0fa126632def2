import { ObError } from "@ob/core";
import { type IgnorePattern, parsePattern } from "./ignore-pattern.ts";
import type { IgnoreRules } from "./ignore-rules.ts";

/** More than a person writes: each file of the source directory is compared with every pattern. */
const maxPatterns = 10_000;
/** Longer than any path, in UTF-16 units. */
const maxPatternLength = 4_096;

/**
 * Reads the text of an ignore file.
 *
 * @throws ObError `BAD_SOURCE` for a pattern that is not valid, with its line.
 */
export function parseIgnoreFile(text: string, file: string): IgnoreRules {
  const patterns: IgnorePattern[] = [];
  for (const [index, line] of text
    .replace(/^\uFEFF/, "")
    .split(/\r?\n/)
    .entries()) {
    const pattern =
      line.length > maxPatternLength ? "it is longer than any path" : parsePattern(line, index + 1);
    if (typeof pattern === "string") throw badPattern(`${file}:${index + 1}`, line, pattern);
    if (pattern !== undefined) patterns.push(pattern);
    if (patterns.length > maxPatterns) {
      throw new ObError("BAD_SOURCE", `${file} has more than ${maxPatterns} patterns.`);
    }
  }
  return { file, patterns };
}

function badPattern(place: string, line: string, why: string): ObError {
  const shown = line.length > 100 ? `${line.slice(0, 100)}…` : line;
  return new ObError("BAD_SOURCE", `${place}: ${JSON.stringify(shown)} is not a pattern: ${why}.`, {
    hint: "Ignore files have Docker's rules: *, ?, [a-z], ** for any directories, ! for exceptions, \\ before a character that stands for itself.",
  });
}
