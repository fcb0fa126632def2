import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { isAbandonedName, ownedName } from "./owned-name.ts";

/** A directory that only its user may open. Disposing removes it with its contents. */
export interface TemporaryDirectory extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
}

/**
 * Makes a directory for temporary files, and removes those that killed processes of this user have left beside it.
 *
 * @param kind a word for what it is for.
 * @param parent absolute path of an existing directory; by default that of the host for temporary files.
 */
export async function makeTemporaryDirectory(
  kind: string,
  parent: string = tmpdir(),
): Promise<TemporaryDirectory> {
  const path = join(parent, ownedName(`obuilder-${kind}-`));
  await mkdir(path, { mode: 0o700 });
  await removeAbandoned(parent, /^obuilder-[a-z]+-/);
  return { path, [Symbol.asyncDispose]: async () => await rm(path, { recursive: true, force: true }) };
}

/**
 * An unused path beside a file that is to appear when it is complete. Those of killed processes are removed: each target's own.
 *
 * @param target absolute path.
 */
export async function partialBeside(target: string): Promise<string> {
  const directory = dirname(target);
  // A name has 255 bytes at most.
  const prefix = `.${basename(target).slice(0, 50)}.partial-`;
  await removeAbandoned(directory, prefix);
  return join(directory, ownedName(prefix));
}

/** Removes files and directories of this user whose processes have ended. What cannot be removed stays. */
async function removeAbandoned(directory: string, prefix: string | RegExp): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    const begin = typeof prefix === "string" ? prefix : prefix.exec(name)?.[0];
    if (begin === undefined || !isAbandonedName(name, begin)) continue;
    const path = join(directory, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.uid !== process.geteuid?.()) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
