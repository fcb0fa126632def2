import type { CacheFileSystem, CacheRequest } from "@ob/core";
import { type Layout, type StorePath, within } from "@ob/store-qcow";
import { encodeName, lockName } from "./encode-name.ts";

/**
 * Where the versions of one cache with one file system lie.
 *
 *     DIR/
 *       cache/c-NAME/ext4/N.qcow2         version N; it never changes, and stands on an older one or alone
 *       cache/c-NAME/rootfs/image.qcow2   the original's only version, until it is taken over
 *       cache-tmp/UUID-c-NAME/rootfs/image.qcow2   a step's copy
 *       cache-tmp/trash-UUID              what is being deleted
 *       cache-template/ext4.qcow2         an empty disk to start from, if someone put one there; or cache-ext4.qcow2
 *
 * The copy's directory is as deep as the version's, so that a relative backing path holds in both.
 */
export interface CachePaths {
  readonly name: string;
  readonly fileSystem: CacheFileSystem;
  /** `c-NAME`. */
  readonly directoryName: string;
  /** `cache/c-NAME`. */
  readonly cache: StorePath;
  /** `cache/c-NAME/FILE-SYSTEM`. */
  readonly versions: StorePath;
  /** Held exclusively for the moment in which versions come or go. */
  readonly editLock: StorePath;
  /** Held exclusively by a step that wants the cache `locked`. */
  readonly exclusiveLock: StorePath;
  /** Held exclusively by who flattens. */
  readonly flattenLock: StorePath;
  /** Held shared by each step that stands on the version, or on one above it; 0 is the state before the first. */
  versionLock(version: number): StorePath;
}

export function cachePaths(layout: Layout, request: Pick<CacheRequest, "name" | "fileSystem">): CachePaths {
  const { fileSystem } = request;
  const directoryName = encodeName(request.name);
  const cache = within(layout.caches, directoryName);
  const lock = (suffix: string): StorePath =>
    within(layout.locks, `${lockName(directoryName, fileSystem)}-${suffix}`);
  return {
    name: request.name,
    fileSystem,
    directoryName,
    cache,
    versions: within(cache, fileSystem),
    editLock: lock("edit"),
    exclusiveLock: lock("turn"),
    flattenLock: lock("flatten"),
    versionLock: (version) => lock(`v${version}`),
  };
}

export function versionFile(place: CachePaths, version: number): StorePath {
  return within(place.versions, `${version}.qcow2`);
}

/** How a disk beside the versions, or in `cache-tmp/X/rootfs`, names a version. */
export function backingPathTo(place: CachePaths, version: number): string {
  return `../../../cache/${place.directoryName}/${place.fileSystem}/${version}.qcow2`;
}

/** The original's disk of this cache. */
export function originalDisk(place: CachePaths): StorePath {
  return within(place.cache, "rootfs", "image.qcow2");
}
