import { getuid } from "node:process";

/** A command line as `run` wants it. */
export type Argv = readonly [program: string, ...args: string[]];

/**
 * What to put in front of a program so that it sees files that this user makes as root's: nothing for root, else
 * `fakeroot`, which remembers in the file `owners` who owns what.
 *
 * @param owners absolute path of a file that exists; empty at first.
 */
export function fakerootPrefix(owners: string): readonly string[] {
  return getuid?.() === 0 ? [] : ["fakeroot", "-i", owners, "-s", owners, "--"];
}

/** The program and its arguments behind a prefix such as `sudo`. */
export function withPrefix(prefix: readonly string[], argv: Argv): Argv {
  const [program, ...args] = prefix;
  return program === undefined ? argv : [program, ...args, ...argv];
}
