import type { CacheFileSystem } from "./guest-description.ts";

/** How steps that use one cache at the same time share it. */
export type CacheSharing =
  /** Each step has its own copy; the first that ends is published, the others are dropped. */
  | "shared"
  /** As `shared`, and a step that did not start from the newest version never publishes. */
  | "private"
  /** One step at a time. */
  | "locked";

export interface CacheRequest {
  /** The cache's name in the spec. */
  readonly name: string;
  /** One cache of each file system may exist under one name. */
  readonly fileSystem: CacheFileSystem;
  readonly sharing: CacheSharing;
}

/**
 * A cache disk for one step: a writable disk that starts as a copy of the newest version. `release` publishes it as the
 * newest version, whether the step succeeded or not; disposing without it drops the copy.
 */
export interface CacheLease extends AsyncDisposable {
  readonly name: string;
  /** Absolute path of a qcow2 disk with one partition. */
  readonly disk: string;
  /** True if the first partition has a file system; otherwise the guest creates one before it mounts it. */
  readonly formatted: boolean;

  /** Publishes the disk, which must not be open anywhere. @returns false if another step was first. */
  release(): Promise<boolean>;
}

/** A cache, on all guests. */
export interface CacheRecord {
  readonly name: string;
  /** Its size on the host's disk, in bytes. */
  readonly bytes: number;
  readonly lastUsed: Date;
  /** True if a step uses it now: it cannot be removed. */
  readonly inUse: boolean;
}

/** Persistent disks, which steps mount at a path. */
export interface CacheStore extends AsyncDisposable {
  /** @throws ObError `CACHE`, `NO_SPACE`, `CANCELLED`. */
  acquire(request: CacheRequest, signal?: AbortSignal): Promise<CacheLease>;

  /** All caches, by name. */
  list(): Promise<readonly CacheRecord[]>;

  /** Removes a cache, for all guests. @returns false if there was none. @throws ObError `CACHE` if a step is using it. */
  remove(name: string): Promise<boolean>;
}
