import type { ImageManifest } from "../image-manifest.ts";
import type { LayerId } from "../layer-id.ts";

/** Environment variables as `(env K V)` made them, newest first; a key stands once. */
export type Environment = readonly (readonly [key: string, value: string])[];

/** A finished layer. It never changes. */
export interface Layer {
  readonly id: LayerId;
  /** Absolute path of `result/ID`. */
  readonly directory: string;
  /** Absolute path of the disk; others may only read it. */
  readonly disk: string;
}

/** A base image as a build sees it now. */
export interface BaseImage {
  readonly name: string;
  /**
   * The id of the layer that a build starts from: the original's id of the name alone, unless the image was
   * replaced after that layer had been made; then the layer of the new image has an id of its own.
   */
  readonly id: LayerId;
  /** False where `base-image/NAME.qcow2` does not exist; its layer can still be in the store. */
  readonly present: boolean;
}

/** What a base layer says about all the layers on top of it. */
export interface BaseLayerInfo {
  /** The environment that the context starts with. */
  readonly environment: Environment;
  /** Undefined for an image without a manifest. */
  readonly manifest: ImageManifest | undefined;
  /** Absolute path of the directory that the manifest's relative paths start from. */
  readonly manifestDirectory: string;
}

/** A row of the store's database. */
export interface LayerRecord {
  readonly id: LayerId;
  readonly parent: LayerId | undefined;
  readonly created: Date;
  readonly lastUsed: Date;
  /** How many layers stand directly on this one. */
  readonly dependents: number;
}

/**
 * The exclusive right of one caller, in one process, to make the layer `id`. Disposing of it without `commit`
 * leaves nothing of the layer but its log; disposing is idempotent. The right ends with the process, however
 * that ends.
 */
export interface LayerWriter extends AsyncDisposable {
  readonly id: LayerId;

  /**
   * Makes this a base layer: takes over `base-image/NAME.qcow2`, so that a later change of that file never
   * reaches this layer.
   *
   * @throws ObError `BASE_IMAGE` if there is no such image (the hint has near names) or it is no sound qcow2.
   */
  importBase(name: string, signal?: AbortSignal): Promise<void>;

  /**
   * Makes a writable disk on top of `parent`, at least as large, and resolves with its absolute path. The parent
   * cannot be deleted while the claim stands.
   *
   * @throws ObError `NO_SUCH_LAYER`, `NO_SPACE`.
   */
  createDisk(parent: LayerId, signal?: AbortSignal): Promise<string>;

  /** Appends to the layer's log, in the order of the calls. Followers see it at once. */
  appendLog(bytes: Uint8Array): void;

  /**
   * Puts everything on disk and makes the layer appear, by one rename. Nobody may have the disk open.
   *
   * @throws ObError `NO_SPACE`, `STORE`.
   */
  commit(): Promise<Layer>;
}

/** A writable disk on a layer, to be thrown away. The layer cannot be deleted until it is disposed of. */
export interface ScratchDisk extends AsyncDisposable {
  /** The layer that the disk shows; it never sees what is written. */
  readonly layer: LayerId;
  /** Absolute path of the disk, removed by disposing; nobody may have it open then. */
  readonly disk: string;
}

export interface ExportOptions {
  /** Where to write to; a relative path starts at the working directory. */
  readonly path: string;
  /** Compresses with zstd. */
  readonly compress?: boolean | undefined;
  /** Replaces a file that is there. By default that is an error. */
  readonly overwrite?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface PruneOptions {
  /** Only layers last used before this moment. */
  readonly before: Date;
  /** At most so many layers; by default all. */
  readonly limit?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with each layer just before it goes. */
  readonly onDelete?: ((id: LayerId) => void) | undefined;
}

/**
 * Where layers are kept. Several processes may use one store at a time; every method is safe against all
 * others, in this process and elsewhere.
 */
export interface Store extends AsyncDisposable {
  /**
   * Absolute paths of the directories that hold the store; one need not exist yet. What is in them is never part of a
   * `copy`. By default there are none.
   */
  readonly ownDirectories?: readonly string[];

  /** The base image of that name. Resolves also where there is none: a plan needs the id only. */
  baseImage(name: string): Promise<BaseImage>;

  /** The finished layer, or undefined. Does not count as a use. */
  find(id: LayerId): Promise<Layer | undefined>;

  /** Records that the layer was used now; `prune` goes by it. */
  recordUse(id: LayerId): void;

  /** @throws ObError `NO_SUCH_LAYER` if there is no such base layer, `STORE` if what it says cannot be read. */
  baseInfo(id: LayerId): Promise<BaseLayerInfo>;

  /**
   * Takes the right to make a layer, or resolves with undefined if someone else has it. Whoever gets it must
   * look with `find` once more: the layer can have appeared in between.
   */
  tryBegin(id: LayerId): Promise<LayerWriter | undefined>;

  /**
   * The log of a layer. That of a finished or failed layer ends; that of one in the making goes on until its
   * claim is given up, across the rename too.
   *
   * @throws ObError `NO_SUCH_LAYER` if there is neither.
   */
  readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array>;

  /**
   * Makes a disk that shows the layer, for reading it in a guest: whoever boots on it writes to it. What a process that
   * dies leaves is swept.
   *
   * @throws ObError `NO_SUCH_LAYER`, `NO_SPACE`, `CANCELLED`.
   */
  createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk>;

  /**
   * Writes the layer's disk, with all that is under it, as one qcow2 file. It appears whole or not at all.
   *
   * @throws ObError `NO_SUCH_LAYER`, `NO_SPACE`, `CANCELLED`; `USAGE` if there is a file already, or it cannot be made.
   */
  export(id: LayerId, options: ExportOptions): Promise<void>;

  /** All layers of the database, least recently used first. */
  list(): Iterable<LayerRecord>;

  /**
   * Deletes a layer and all that stand on it.
   *
   * @returns the ids that went, dependents first.
   * @throws ObError `NO_SUCH_LAYER`; `LAYER_BUSY` if one of them is in use, and then none has gone.
   */
  delete(
    id: LayerId,
    options?: { readonly onDelete?: ((id: LayerId) => void) | undefined },
  ): Promise<readonly LayerId[]>;

  /** Deletes layers that no other stands on, least recently used first, until none is left to delete. */
  prune(options: PruneOptions): Promise<readonly LayerId[]>;
}
