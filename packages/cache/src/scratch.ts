import { localFs, type StoreLayout, type StorePath, within } from "@ob/core";
import { type Lock, tryLock, waitForLock } from "@ob/qcow2";
import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";

/** A directory in `cache-tmp` that belongs to this process. After a crash `sweepScratch` removes it. */
export interface Scratch extends AsyncDisposable {
  /** The path for a disk. */
  readonly disk: StorePath;
}

/** @param name of the cache's directory, for people who look at `cache-tmp`. */
export async function makeScratch(layout: StoreLayout, name: string): Promise<Scratch> {
  const id = randomUUID();
  // The lock first: a directory without a lock is swept.
  const lock = await waitForLock(lockOf(layout, id), "exclusive");
  const directory = within(layout.temporaryCaches, `${id}-${name}`);
  const scratch = new ScratchDirectory(directory, lock);
  try {
    await mkdir(within(directory, "rootfs"), { recursive: true, mode: 0o700 });
    return scratch;
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}

class ScratchDirectory implements Scratch {
  readonly disk: StorePath;
  readonly #directory: StorePath;
  readonly #lock: Lock;

  constructor(directory: StorePath, lock: Lock) {
    this.#directory = directory;
    this.#lock = lock;
    this.disk = within(directory, "rootfs", "image.qcow2");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true, maxRetries: 3 });
    this.#lock.release();
  }
}

/** A path in `cache-tmp` for files that are to be deleted. */
export function trashPath(layout: StoreLayout): StorePath {
  return within(layout.temporaryCaches, `trash-${randomUUID()}`);
}

/** Removes what crashed processes left in `cache-tmp`; locked directories belong to running ones. */
export async function sweepScratch(layout: StoreLayout): Promise<void> {
  for (const name of await localFs.readdir(layout.temporaryCaches)) {
    const path = within(layout.temporaryCaches, name);
    const [, id] = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-c-/.exec(name) ?? [];
    if (id !== undefined) {
      const lock = await tryLock(lockOf(layout, id), "exclusive");
      if (!lock) continue;
      await rm(path, { recursive: true, force: true });
      lock.release();
    } else if (name.startsWith("trash-") || /^\d+-c-/.test(name)) {
      // The names that the original leaves start with a number; it clears the directory itself when it starts.
      await rm(path, { recursive: true, force: true });
    }
  }
}

function lockOf(layout: StoreLayout, id: string): StorePath {
  return within(layout.locks, `cache-copy-${id}`);
}
