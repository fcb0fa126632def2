import { mkdir, utimes } from "node:fs/promises";
import {
  checkOptions,
  type CacheLease,
  type CacheRecord,
  type CacheRequest,
  type CacheStore,
  makeStorePrivate,
  type Emit,
  isObError,
  localFs,
  type StoreLayout,
  storeLayout,
  errorMessage,
  noopEmit,
} from "@ob/core";
import {
  createDisk,
  createOverlay,
  flattenBeforeUseFrom,
  flattenInBackgroundFrom,
  type Lock,
  tryLock,
  waitForLock,
  withLock,
} from "@ob/qcow2";
import { withCacheErrors } from "./errors.ts";
import { detectFileSystem } from "./file-system/detect.ts";
import { makeInitialVersion } from "./initial-version.ts";
import { flatten } from "./flatten.ts";
import { listCaches, removeCache } from "./list-and-remove.ts";
import { Lease } from "./cache-lease.ts";
import { versionBackingPath, type CachePaths, cachePaths } from "./cache-paths.ts";
import { makeScratch, type Scratch, sweepScratch } from "./scratch.ts";
import { chainOf, newestVersion } from "./versions.ts";

const gibibyte = 1024 ** 3;

export interface CacheOptions {
  /** The store's directory. */
  readonly directory: string;
  /** The size of a new cache disk, in bytes; by default 10 GiB. An empty one takes a few megabytes on the host. */
  readonly size?: number | undefined;
  readonly emit?: Emit | undefined;
}

/**
 * Opens the cache disks of a store, and removes what crashed processes left of them.
 *
 * @throws ObError `CACHE`, `NO_SPACE`.
 */
export async function openCaches(options: CacheOptions): Promise<DiskCaches> {
  checkOptions("openCaches", options, { directory: "string", size: "number?", emit: "function?" });
  const { directory, size = 10 * gibibyte, emit = noopEmit } = options;
  const layout = storeLayout(directory);
  return await withCacheErrors(`open the caches of ${layout.root}`, async () => {
    for (const path of [layout.caches, layout.temporaryCaches, layout.locks]) {
      await localFs.mkdir(path, { recursive: true, mode: 0o700 });
    }
    await makeStorePrivate(layout.root, emit);
    await sweepScratch(layout);
    return new DiskCaches({ layout, size, emit });
  });
}

interface CacheContext {
  readonly layout: StoreLayout;
  readonly size: number;
  readonly emit: Emit;
}

/**
 * Cache disks as qcow2 files in immutable versions. `acquire` creates an empty overlay on the newest version, `release`
 * renames that overlay: the cost of neither depends on the size.
 */
export class DiskCaches implements CacheStore {
  readonly #context: CacheContext;
  readonly #closing = new AbortController();
  readonly #background = new Set<Promise<void>>();

  constructor(context: CacheContext) {
    this.#context = context;
  }

  async acquire(request: CacheRequest, signal?: AbortSignal): Promise<CacheLease> {
    const place = cachePaths(this.#context.layout, request);
    return await withCacheErrors(`take the cache ${request.name}`, async () => {
      const locks: Lock[] = [];
      try {
        if (request.sharing === "locked") locks.push(await this.#lockExclusively(place, signal));
        const edit = await waitForLock(place.editLock, "exclusive", signal);
        const copy = await withLock(edit, () => this.#copyNewest(place, { locks, signal }));
        if (copy.version > 0) this.#flattenInBackground(place, copy.version);
        return this.#lease(place, { ...copy, locks });
      } catch (error) {
        for (const lock of locks) lock.release();
        throw error;
      }
    });
  }

  async list(): Promise<readonly CacheRecord[]> {
    return await withCacheErrors("list the caches", () => listCaches(this.#context.layout));
  }

  /** @throws ObError `CACHE` if a step is using it. */
  async remove(name: string): Promise<boolean> {
    return await withCacheErrors(`remove the cache ${name}`, () => removeCache(this.#context.layout, name));
  }

  /** Ends background work; a later use can start it again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#background);
  }

  async #lockExclusively(place: CachePaths, signal: AbortSignal | undefined): Promise<Lock> {
    const free = await tryLock(place.exclusiveLock, "exclusive");
    if (free) return free;
    const text = `Waiting for the cache ${place.name}, which another step has locked`;
    this.#context.emit({ type: "log", level: "info", text });
    return await waitForLock(place.exclusiveLock, "exclusive", signal);
  }

  /** An empty overlay on the newest version, with the locks that keep its backing chain. */
  async #copyNewest(
    place: CachePaths,
    { locks, signal }: { locks: Lock[]; signal: AbortSignal | undefined },
  ): Promise<{ scratch: Scratch; version: number }> {
    const { layout, size, emit } = this.#context;
    const options = { signal, emit };
    await mkdir(place.versions, { recursive: true, mode: 0o700 });
    const newest = await newestVersion(place);
    const isNew = newest === 0 && (await makeInitialVersion(place, { layout, size, ...options }));
    const version = isNew ? 1 : newest;
    // QEMU opens one file after the other: all must stay, even if they are flattened meanwhile.
    for (const each of version === 0 ? [0] : await chainOf(place, version)) {
      locks.push(await waitForLock(place.versionLock(each), "shared", signal));
    }
    const scratch = await makeScratch(layout, place.directoryName);
    try {
      if (version === 0) await createDisk(scratch.disk, { size, ...options });
      else await createOverlay(scratch.disk, { backing: versionBackingPath(place, version), ...options });
      // `list` returns this as the time of the last use.
      const now = new Date();
      await utimes(place.versions, now, now);
      return { scratch, version };
    } catch (error) {
      await scratch[Symbol.asyncDispose]();
      throw error;
    }
  }

  #lease(place: CachePaths, copy: { scratch: Scratch; version: number; locks: readonly Lock[] }): Lease {
    const { layout, emit } = this.#context;
    return new Lease(place, {
      ...copy,
      hasFileSystem: async () =>
        copy.version > 0 || (await detectFileSystem(copy.scratch.disk, { emit })) !== "blank",
      onPublished: (version) => flatten(place, version, { fromLength: flattenBeforeUseFrom, layout, emit }),
    });
  }

  /** Flattens a long chain while the step runs. */
  #flattenInBackground(place: CachePaths, version: number): void {
    const { layout, emit } = this.#context;
    const { signal } = this.#closing;
    const task = flatten(place, version, { fromLength: flattenInBackgroundFrom, layout, emit, signal }).catch(
      (error: unknown) => {
        if (isObError(error, "CANCELLED")) return;
        const text = `The cache ${place.name} could not be flattened: ${errorMessage(error)}`;
        emit({ type: "log", level: "warning", text });
      },
    );
    this.#background.add(task);
    void task.finally(() => this.#background.delete(task));
  }
}
