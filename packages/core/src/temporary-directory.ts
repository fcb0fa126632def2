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
 * Makes a directory for temporary files, and removes those of the same kind that killed processes of this user have left beside
 * it.
 *
 * @param kind a word for what it is for.
 * @param parent absolute path of an existing directory; by default that of the host for temporary files.
 */
export async function makeTemporaryDirectory(
  kind: string,
  parent: string = tmpdir(),
): Promise<TemporaryDirectory> {
  const prefix = `obuilder-${kind}-`;
  const path = join(parent, ownedName(prefix));
  await mkdir(path, { mode: 0o700 });
  await removeAbandoned(parent, prefix);
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

/**
 * Removes files and directories of this user with names by `ownedName` whose processes have ended. What cannot be removed stays.
 *
 * @param directory absolute path.
 * @param prefix as `ownedName` had it.
 */
export async function removeAbandoned(directory: string, prefix: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    if (!isAbandonedName(name, prefix)) continue;
    const path = join(directory, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.uid !== process.geteuid?.()) continue;
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}
