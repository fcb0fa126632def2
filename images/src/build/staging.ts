import { randomUUID } from "node:crypto";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { kill } from "node:process";
import { disposableWith, errnoCode, ObError, type StoreLayout, within } from "@ob/core";
import { tryLock } from "@ob/qcow2";

/** The leading dot keeps them out of image lists. The name without it is that of a lock, which its process holds. */
const pattern = /^\.(staging-[0-9a-f-]{36})$/;
/** Those of an older version have the id of their process. */
const olderPattern = /^\.making-(\d+)-/;

/** A temporary directory. Disposing removes it. */
export interface Staging extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
}

/**
 * Makes a temporary directory in a store, and removes those that killed processes have left beside it.
 *
 * @param parent absolute path of a directory of the store; created if missing.
 */
export async function makeStaging(parent: string, layout: StoreLayout): Promise<Staging> {
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeStale(parent, layout);
  await using stack = new AsyncDisposableStack();
  const name = `staging-${randomUUID()}`;
  await mkdir(layout.locks, { recursive: true, mode: 0o700 });
  const lock = await tryLock(within(layout.locks, name), "exclusive");
  if (!lock) throw new ObError("STORE", `The lock ${name} is held by another process.`);
  stack.use(lock);
  const path = join(parent, `.${name}`);
  stack.defer(async () => await rm(path, { recursive: true, force: true }));
  await mkdir(path, { mode: 0o700 });
  return disposableWith({ path }, stack);
}

/** Removes what killed processes have left in a directory, and the files of their locks. */
export async function removeStale(directory: string, { locks }: Pick<StoreLayout, "locks">): Promise<void> {
  await removeDirectories(directory, locks);
  for (const name of await readdir(locks).catch(() => [])) {
    if (pattern.test(`.${name}`)) (await tryLock(join(locks, name), "exclusive"))?.release();
  }
}

async function removeDirectories(directory: string, locks: string): Promise<void> {
  for (const name of await readdir(directory).catch(() => [])) {
    const lockName = pattern.exec(name)?.[1];
    const owner = olderPattern.exec(name)?.[1];
    if (lockName !== undefined) {
      await mkdir(locks, { recursive: true, mode: 0o700 });
      using lock = await tryLock(join(locks, lockName), "exclusive");
      if (lock) await rm(join(directory, name), { recursive: true, force: true });
    } else if (owner !== undefined && !isAlive(Number(owner))) {
      await rm(join(directory, name), { recursive: true, force: true });
    }
  }
}

function isAlive(process: number): boolean {
  try {
    kill(process, 0);
    return true;
  } catch (error) {
    return errnoCode(error) === "EPERM";
  }
}
