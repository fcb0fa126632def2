import { ObError } from "@ob/core";
import type { IgnorePattern } from "./ignore-pattern.ts";

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
