import type { CacheLease } from "@ob/core";
import { type Lock, syncPath, waitForLock, withLock } from "@ob/qcow2";
import { withCacheErrors } from "./errors.ts";
import type { CachePaths } from "./cache-paths.ts";
import type { Scratch } from "./scratch.ts";
import { newestVersion, publish, removeUnneeded } from "./versions.ts";

export interface LeaseParts {
  readonly scratch: Scratch;
  /** The version that the copy started from; 0 for a blank disk. */
  readonly version: number;
  /** Held until the lease ends. */
  readonly locks: readonly Lock[];
  /** False if the guest should have formatted the disk and did not. */
  readonly hasFileSystem: () => Promise<boolean>;
  /** Called with the new version once it is published, before the locks are released. */
  readonly onPublished: (version: number) => Promise<void>;
}

/** A step's copy of a cache: see `CacheLease`. */
export class Lease implements CacheLease {
  readonly name: string;
  readonly disk: string;
  readonly formatted: boolean;
  readonly #place: CachePaths;
  readonly #parts: LeaseParts;
  #ended = false;

  constructor(place: CachePaths, parts: LeaseParts) {
    this.#place = place;
    this.#parts = parts;
    this.name = place.name;
    this.disk = parts.scratch.disk;
    this.formatted = parts.version > 0;
  }

  async release(): Promise<boolean> {
    if (this.#ended) return false;
    try {
      return await withCacheErrors(`publish the cache ${this.name}`, () => this.#publish());
    } finally {
      await this[Symbol.asyncDispose]();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      await this.#parts.scratch[Symbol.asyncDispose]();
    } finally {
      for (const lock of this.#parts.locks) lock.release();
    }
    const edit = await waitForLock(this.#place.editLock, "exclusive");
    await withLock(edit, () => removeUnneeded(this.#place));
  }

  /** First come, first served: a step that started from an older version than the newest is too late. */
  async #publish(): Promise<boolean> {
    const { version, hasFileSystem, onPublished } = this.#parts;
    if (!(await hasFileSystem())) return false;
    // The slow part is done before the lock is taken; it is wasted only if the race is lost.
    await syncPath(this.disk);
    const edit = await waitForLock(this.#place.editLock, "exclusive");
    const published = await withLock(edit, async () => {
      if ((await newestVersion(this.#place)) !== version) return false;
      await publish(this.#place, version + 1, this.disk);
      return true;
    });
    if (published) await onPublished(version + 1);
    return published;
  }
}
