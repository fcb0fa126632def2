import { isAbsolute, join, resolve } from "node:path";
import type { LayerId } from "@ob/core";

declare const brand: unique symbol;

/** An absolute path in a store. */
export type StorePath = string & { readonly [brand]: "StorePath" };

/**
 * Where everything is. The names are the original's, so that either program reads the other's store.
 *
 *     DIR/
 *       base-image/NAME.qcow2      what `(from NAME)` starts from; put there by people
 *       base-image/NAME.json       its image manifest, if it has one
 *       result/ID/                 a finished layer; it never changes
 *         rootfs/image.qcow2         its disk: a base image, or an overlay on the parent's disk
 *         rootfs/base.qcow2          base layers of the original's only: the image under the disk, once taken over
 *         log                        what the step printed
 *         env                        base layers only: the environment, as `((env ((K V)...)))`
 *         manifest.json              base layers with a manifest only, and the files it names
 *       result-tmp/ID/             a layer in the making, or the log of one that failed
 *       result-tmp/borrowed-*      a disk to be thrown away, on a layer that someone looks into
 *       result-tmp/flat-ID         a disk that is to take the place of layer ID's: the same, made of fewer files
 *       result-tmp/trash-*         what is being deleted
 *       cache/, cache-tmp/         cache disks: see @ob/cache; cache-template/ has empty ones to start from
 *       state/db/db.sqlite         one row a layer: when it was used, what it stands on
 *       state/locks/NAME           locks between processes; a file stands only while someone wants the lock
 *       state/digests/             what builds have read of source directories: see @ob/builder
 *       state/ssh/                 the store's own login key, if it has one
 */
export interface Layout {
  readonly root: StorePath;
  readonly baseImages: StorePath;
  readonly results: StorePath;
  readonly temporary: StorePath;
  readonly caches: StorePath;
  readonly temporaryCaches: StorePath;
  readonly cacheTemplates: StorePath;
  readonly state: StorePath;
  readonly databaseDirectory: StorePath;
  readonly database: StorePath;
  readonly locks: StorePath;
}

/** The layout of the store at `directory`, which need not exist. A relative path starts at the working directory. */
export function layoutOf(directory: string): Layout {
  const root = resolve(directory);
  const at = (...parts: readonly string[]): StorePath => storePath(join(root, ...parts));
  return {
    root: storePath(root),
    baseImages: at("base-image"),
    results: at("result"),
    temporary: at("result-tmp"),
    caches: at("cache"),
    temporaryCaches: at("cache-tmp"),
    cacheTemplates: at("cache-template"),
    state: at("state"),
    databaseDirectory: at("state", "db"),
    database: at("state", "db", "db.sqlite"),
    locks: at("state", "locks"),
  };
}

/** The directory of a finished layer. */
export function resultDirectory(layout: Layout, id: LayerId): StorePath {
  return within(layout.results, id);
}

/** The directory of a layer in the making. It is as deep as that of the finished one, so relative paths hold in both. */
export function temporaryDirectory(layout: Layout, id: LayerId): StorePath {
  return within(layout.temporary, id);
}

/** The disk in a layer's directory. */
export function diskIn(directory: StorePath): StorePath {
  return within(directory, "rootfs", "image.qcow2");
}

/** Where the store's own login key is. */
export function storeKeys(layout: Layout): StorePath {
  return within(layout.state, "ssh");
}

/** The path of a layer's lock. */
export function layerLock(layout: Layout, id: LayerId): StorePath {
  return within(layout.locks, id);
}

/** A path below another. */
export function within(directory: StorePath, ...parts: readonly string[]): StorePath {
  return storePath(join(directory, ...parts));
}

/**
 * How the disk of a layer, in `result` or `result-tmp`, names the disk of the layer `parent`. Relative, so that
 * the store can be moved.
 */
export function backingPathTo(parent: LayerId): string {
  return `../../../result/${parent}/rootfs/image.qcow2`;
}

function storePath(path: string): StorePath {
  if (!isStorePath(path)) throw new TypeError(`${path} is not absolute`);
  return path;
}

function isStorePath(path: string): path is StorePath {
  return isAbsolute(path);
}
