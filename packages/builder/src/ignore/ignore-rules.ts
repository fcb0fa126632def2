import { ObError } from "@ob/core";
import { type IgnorePattern, parsePattern } from "./ignore-pattern.ts";

/** What an ignore file says of one path. */
export interface Verdict {
  /** The pattern that decided, with the name of its file; undefined if the path is not ignored. */
  readonly ignoredBy: (IgnorePattern & { readonly file: string }) | undefined;
  /** Which patterns match the path, or a directory above it. */
  readonly matched: readonly boolean[];
}

/** The patterns of an ignore file, in its order: of those that match a path or a directory above it, the last decides. */
export interface IgnoreRules {
  /** The file's name, for messages. */
  readonly file: string;
  readonly patterns: readonly IgnorePattern[];
}

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

/** @param parent the verdict of the directory of `path`; by default that of the source directory, which is not ignored. */
export function decide({ file, patterns }: IgnoreRules, path: string, parent?: Verdict): Verdict {
  let ignoredBy: IgnorePattern | undefined;
  const matched = patterns.map((pattern, index) => {
    const matches = parent?.matched[index] === true || pattern.matches(path);
    if (matches) ignoredBy = pattern.includes ? undefined : pattern;
    return matches;
  });
  return { ignoredBy: ignoredBy && { ...ignoredBy, file }, matched };
}

/** True if something below an ignored directory may not be ignored. */
export function mayIncludeBelow({ patterns }: IgnoreRules, directory: string): boolean {
  return patterns.some(({ includes, mayMatchBelow }) => includes && mayMatchBelow(directory));
}

/** The error for a `src` that is ignored. */
export function ignoredSource(source: string, verdict: Verdict | undefined): ObError {
  const { file = "", line = 0, text = "" } = verdict?.ignoredBy ?? {};
  return new ObError(
    "BAD_SOURCE",
    `${JSON.stringify(source)} is ignored: ${file}, line ${line}, has the pattern ${JSON.stringify(text)}.`,
    { hint: `Change the pattern, or add ${JSON.stringify(`!${source}`)} in a line below it.` },
  );
}

function badPattern(place: string, line: string, why: string): ObError {
  const shown = line.length > 100 ? `${line.slice(0, 100)}…` : line;
  return new ObError("BAD_SOURCE", `${place}: ${JSON.stringify(shown)} is not a pattern: ${why}.`, {
    hint: "Ignore files have Docker's rules: *, ?, [a-z], ** for any directories, ! for exceptions, \\ before a character that stands for itself.",
  });
}
