import { type CacheFileSystem, type CacheRequest, type StoreLayout, type StorePath, within } from "@ob/core";
import { encodeName, lockName } from "./encode-name.ts";

/**
 * The paths of one cache with one file system.
 *
 *     DIR/
 *       cache/c-NAME/ext4/N.qcow2         version N; it never changes; its backing file is an older one, or it has none
 *       cache/c-NAME/rootfs/image.qcow2   the original's only version, until it is adopted
 *       cache-tmp/UUID-c-NAME/rootfs/image.qcow2   a step's copy
 *       cache-tmp/trash-UUID              what is being deleted
 *       cache-template/ext4.qcow2         an empty disk to start from, if there is one; or cache-ext4.qcow2
 *
 * The copy's directory is as deep as the version's, so that a relative backing path is valid in both.
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
  /** Held exclusively while versions are added or removed. */
  readonly editLock: StorePath;
  /** Held exclusively by a step with the cache `locked`. */
  readonly exclusiveLock: StorePath;
  /** Held exclusively while versions are flattened. */
  readonly flattenLock: StorePath;
  /** Held shared by each step with the version in its backing chain; 0 is the state before the first. */
  versionLock(version: number): StorePath;
}

export function cachePaths(
  layout: StoreLayout,
  request: Pick<CacheRequest, "name" | "fileSystem">,
): CachePaths {
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

/** The backing path, in a disk beside the versions or in `cache-tmp/X/rootfs`, of a version. */
export function versionBackingPath(place: CachePaths, version: number): string {
  return `../../../cache/${place.directoryName}/${place.fileSystem}/${version}.qcow2`;
}

/** The original's disk of this cache. */
export function originalDisk(place: CachePaths): StorePath {
  return within(place.cache, "rootfs", "image.qcow2");
}
