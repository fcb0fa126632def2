import { isAbsolute, join, resolve } from "node:path";
import type { LayerId } from "./layer-id.ts";

declare const brand: unique symbol;

/** An absolute path in a store. */
export type StorePath = string & { readonly [brand]: "StorePath" };

/**
 * The paths of a store. The names are the original's, so that either program reads the other's store.
 *
 *     DIR/
 *       base-image/NAME.qcow2      the base image of `(from NAME)`; users put it there, or `obuilder image`
 *       base-image/NAME.json       its image manifest, if it has one
 *       result/ID/                 a finished layer; it never changes
 *         rootfs/image.qcow2         its disk: a base image, or an overlay on the parent's disk
 *         rootfs/base.qcow2          base layers of the original's only: a copy of the image under the disk
 *         log                        the step's output
 *         env                        base layers only: the environment, as `((env ((K V)...)))`
 *         manifest.json              base layers with a manifest only, and the files it names
 *       result-tmp/ID/             an unfinished layer, or the log of one that failed
 *       result-tmp/borrowed-*      a scratch disk on a layer, for an ephemeral guest
 *       result-tmp/flat-ID         a disk that will replace the one of layer ID: the same contents in fewer files
 *       result-tmp/trash-*         what is being deleted
 *       cache/, cache-tmp/         cache disks: see @ob/cache; cache-template/ has empty ones to start from
 *       state/db/db.sqlite         one row per layer: its parent, and when it was used
 *       state/locks/NAME           locks between processes; a file exists only while a process wants the lock
 *       state/digests/             digests of source files: see @ob/builder
 *       state/qemu/                running virtual machines and snapshots: see @ob/sandbox-qemu
 *       state/ssh/                 the store's own login key, if it has one
 *       state/downloads/, state/image-logs/, state/image-checks/   of image making: see @ob/images
 */
export interface StoreLayout {
  readonly root: StorePath;
  readonly baseImages: StorePath;
  readonly results: StorePath;
  readonly temporary: StorePath;
  readonly caches: StorePath;
  readonly temporaryCaches: StorePath;
  readonly cacheTemplates: StorePath;
  readonly state: StorePath;
  /** The digests of source files: see @ob/builder. */
  readonly digests: StorePath;
  /** What recipes of images have downloaded. */
  readonly downloads: StorePath;
  /** Working directories of image checks. */
  readonly imageChecks: StorePath;
  /** The consoles of image makers' guests. */
  readonly imageLogs: StorePath;
  /** Running virtual machines and snapshots: see @ob/sandbox-qemu. */
  readonly qemu: StorePath;
  /** The store's own login key. */
  readonly sshKeys: StorePath;
  readonly databaseDirectory: StorePath;
  readonly database: StorePath;
  readonly locks: StorePath;
}

/** The paths of the store at `directory`, which need not exist. A relative path starts at the working directory. */
export function storeLayout(directory: string): StoreLayout {
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
    digests: at("state", "digests"),
    downloads: at("state", "downloads"),
    imageChecks: at("state", "image-checks"),
    imageLogs: at("state", "image-logs"),
    qemu: at("state", "qemu"),
    sshKeys: at("state", "ssh"),
    databaseDirectory: at("state", "db"),
    database: at("state", "db", "db.sqlite"),
    locks: at("state", "locks"),
  };
}

/** The directory of a finished layer. */
export function resultDirectory(layout: StoreLayout, id: LayerId): StorePath {
  return directlyWithin(layout.results, id);
}

/** The directory of an unfinished layer. It is as deep as that of the finished one, so relative paths hold in both. */
export function stagingDirectory(layout: StoreLayout, id: LayerId): StorePath {
  return directlyWithin(layout.temporary, id);
}

/** The disk in a layer's directory. */
export function diskIn(directory: StorePath): StorePath {
  return directlyWithin(directory, "rootfs/image.qcow2");
}

/** The path of a layer's lock. */
export function layerLock(layout: StoreLayout, id: LayerId): StorePath {
  return directlyWithin(layout.locks, id);
}

/** A path below another. */
export function within(directory: StorePath, ...parts: readonly string[]): StorePath {
  return storePath(join(directory, ...parts));
}

/** The same for names without slashes, dots and the like: to look at each part of a path again took a build longer than the looks at its layers. */
function directlyWithin(directory: StorePath, name: LayerId | "rootfs/image.qcow2"): StorePath {
  return storePath(`${directory}/${name}`);
}

/**
 * The backing path, in the disk of a layer in `result` or `result-tmp`, of the disk of its parent. It is relative, so that
 * the store can be moved.
 */
export function layerBackingPath(parent: LayerId): string {
  return `../../../result/${parent}/rootfs/image.qcow2`;
}

function storePath(path: string): StorePath {
  if (!isStorePath(path)) throw new TypeError(`${path} is not absolute`);
  return path;
}

function isStorePath(path: string): path is StorePath {
  return isAbsolute(path);
}
