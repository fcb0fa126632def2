import { getuid } from "node:process";

/** An argv, as `run` takes it. */
export type Argv = readonly [program: string, ...args: string[]];

/**
 * Prefix for a program that has to see this user's files as root's: empty for root, otherwise `fakeroot`, which
 * records the owners in the file `owners`.
 *
 * @param owners absolute path of an existing file; empty at first.
 */
export function fakerootPrefix(owners: string): readonly string[] {
  return getuid?.() === 0 ? [] : ["fakeroot", "-i", owners, "-s", owners, "--"];
}

/** Puts a prefix such as `sudo` in front of an argv. */
export function withPrefix(prefix: readonly string[], argv: Argv): Argv {
  const [program, ...args] = prefix;
  return program === undefined ? argv : [program, ...args, ...argv];
}
