import type { ImageManifest } from "../image-manifest.ts";
import type { BuildRecords } from "./build-records.ts";
import type { GuestImage } from "./guest.ts";
import type { LayerId } from "../layer-id.ts";
import type { LayerRenewals } from "./layer-renewals.ts";
import type { LayerRecord, LayerStep, LayerTag, RecordedStep } from "./layer-notes.ts";
import type { HeldLayer, LayerImport } from "./shared-layer.ts";
import type { DeleteLayerOptions, ExportOptions, PruneOptions } from "./store-options.ts";

/** Environment variables as `(env K V)` made them, newest first; each key occurs once. */
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
  /** The names of the images that do exist, if this one does not. */
  readonly others?: readonly string[] | undefined;
  /** Where the name is that of a tag, `obuilder:NAME`: the base layer under the layer `id`, which is in the store. */
  readonly base?: LayerId | undefined;
}

/** What a base layer says about all layers that are based on it. */
export interface BaseLayerInfo {
  /** The environment that the context starts with. */
  readonly environment: Environment;
  /** Undefined for an image without a manifest. */
  readonly manifest: ImageManifest | undefined;
  /** Absolute path of the directory that the manifest's relative paths start from. */
  readonly manifestDirectory: string;
}

/**
 * The exclusive right of one caller, in one process, to make the layer `id`. Disposing of it without `commit`
 * removes the layer, except its log; disposing is idempotent. The right ends with the process, however that ends.
 */
export interface LayerWriter extends AsyncDisposable {
  readonly id: LayerId;

  /**
   * Makes this a base layer: imports a copy of `base-image/NAME.qcow2`, so that a later change of that file never
   * affects this layer.
   *
   * @throws ObError `BASE_IMAGE` if there is no such image (the hint has near names) or it is not a valid qcow2 file.
   */
  importBase(name: string, signal?: AbortSignal): Promise<void>;

  /**
   * Creates a writable disk on top of `parent`, at least as large, and resolves with its absolute path. The parent
   * cannot be deleted until this writer is disposed of.
   *
   * @throws ObError `NO_SUCH_LAYER`, `NO_SPACE`.
   */
  createDisk(parent: LayerId, signal?: AbortSignal): Promise<string>;

  /**
   * Makes this a layer of a disk that another store has made for a layer of this id. Nothing is believed of it: it is
   * inspected before QEMU opens it. The parent cannot be deleted until this writer is disposed of.
   *
   * @throws ObError `NO_SUCH_LAYER` if the parent is missing; `STORE` or `BASE_IMAGE` if the file has another digest, or
   *   is not an overlay on the parent's disk; the ObErrors of `write`.
   */
  importLayer(layer: LayerImport, signal?: AbortSignal): Promise<void>;

  /** Appends to the layer's log, in the order of the calls. Followers see it at once. */
  appendLog(bytes: Uint8Array): void;

  /**
   * Flushes everything to disk and publishes the layer, by one rename. The disk must not be open anywhere.
   *
   * @param step what the layer is the result of, for `Store.steps`.
   * @throws ObError `NO_SPACE`, `STORE`.
   */
  commit(step?: LayerStep): Promise<Layer>;
}

/** An ephemeral, writable disk on a layer. The layer cannot be deleted until it is disposed of. */
export interface ScratchDisk extends AsyncDisposable {
  /** The layer that the disk is based on; writes never reach it. */
  readonly layer: LayerId;
  /** Absolute path of the disk. Disposing removes it; it must not be open anywhere then. */
  readonly disk: string;
}

/**
 * Where layers are kept. Several processes may use one store at a time; every method is safe against all
 * others, in this process and in others.
 */
export interface Store extends AsyncDisposable {
  /**
   * Absolute paths of the store's directories, which need not exist yet. Their contents are never part of a `copy`. By
   * default there are none.
   */
  readonly ownDirectories?: readonly string[];

  /**
   * The base image of that name. Resolves also if there is none: a plan needs only the id. `obuilder:NAME` is the layer with
   * that tag, unless there is a base image of the whole name.
   *
   * @throws ObError `BASE_IMAGE` if there is no such tag.
   */
  baseImage(name: string): Promise<BaseImage>;

  /**
   * What describes the guest of an image: as in its layer, or, before it was imported, beside the image itself. Undefined
   * if there is neither.
   */
  guestOf(image: BaseImage): Promise<GuestImage | undefined>;

  /** Of steps that were run anew. A store without them cannot run a step anew. */
  readonly renewals?: LayerRenewals | undefined;

  /** The finished layer, or undefined. Does not count as a use. */
  find(id: LayerId): Promise<Layer | undefined>;

  /** Records that the layer was used now; `prune` deletes by it. */
  recordUse(id: LayerId): void;

  /** @throws ObError `NO_SUCH_LAYER` if there is no such base layer, `STORE` if its files cannot be read. */
  baseInfo(id: LayerId): Promise<BaseLayerInfo>;

  /**
   * Takes the exclusive right to make a layer, or resolves with undefined if another caller has it. The caller must then
   * call `find` once more: the layer can have been committed in between.
   */
  tryBegin(id: LayerId): Promise<LayerWriter | undefined>;

  /**
   * The log of a layer. That of a finished or failed layer ends; that of an unfinished one is followed until its
   * writer is disposed of, also across the rename.
   *
   * @throws ObError `NO_SUCH_LAYER` if there is neither.
   */
  readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array>;

  /** The layers that have a log and are not in the store: of steps that have failed, or run now. In any order. */
  unfinished(): Promise<readonly LayerId[]>;

  /**
   * Creates an overlay on the layer, to read the layer in a guest: a guest that boots writes to its disk. After a crash
   * the next `openStore` removes it.
   *
   * @throws ObError `NO_SUCH_LAYER`, `NO_SPACE`, `CANCELLED`.
   */
  createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk>;

  /**
   * Writes the layer's disk, with its backing chain, as one file. It appears complete or not at all.
   *
   * @throws ObError `NO_SUCH_LAYER`, `NO_SPACE`, `CANCELLED`; `USAGE` if there is a file already, or it cannot be made;
   *   `BAD_SOURCE` for a raw disk that could be taken for one of another format.
   */
  export(id: LayerId, options: ExportOptions): Promise<void>;

  /**
   * Holds a layer whose files are to be copied to another store. Undefined if it cannot be shared: its backing chain has
   * files that are not layers' disks.
   *
   * @throws ObError `NO_SUCH_LAYER`, `STORE`, `CANCELLED`.
   */
  holdLayer(id: LayerId, signal?: AbortSignal): Promise<HeldLayer | undefined>;

  /**
   * What tells two layers of one id apart, since an id names inputs and not bytes: the sha256 of each file, in lower-case
   * hex, that the layer's disk is known to be or to have been with the same contents. Empty if there is no such layer, or
   * it cannot be shared. A disk whose digest is not known yet is read.
   *
   * @throws ObError `STORE`, `CANCELLED`.
   */
  layerDigests(id: LayerId, signal?: AbortSignal): Promise<readonly string[]>;

  /** The builds that have ended, as those who built recorded them. */
  readonly builds: BuildRecords;

  /** All layers of the database, least recently used first. */
  list(): Iterable<LayerRecord>;

  /** The layers that a build, a guest or a copy uses now: `prune` leaves them. It can have changed when this resolves. */
  inUse(): Promise<ReadonlySet<LayerId>>;

  /** All tags of layers that are in the store, by name. */
  tags(): readonly LayerTag[];

  /**
   * Gives a layer names, all at once; a name that another layer has moves to this one.
   *
   * @param names valid ones; see `parseTagName`.
   * @throws ObError `NO_SUCH_LAYER`, `CANCELLED`.
   */
  tag(id: LayerId, names: readonly string[], signal?: AbortSignal): Promise<void>;

  /** Removes a name; its layer stays. @returns false if no layer has it. */
  untag(name: string): Promise<boolean>;
  /** The steps that layers are the result of, as far as they were recorded: the original records none. */
  steps(): ReadonlyMap<LayerId, RecordedStep>;

  /**
   * Deletes a layer and all layers that depend on it. @returns the ids that were deleted, dependents first.
   *
   * @throws ObError `NO_SUCH_LAYER`; `LAYER_BUSY` if one of them is in use, or has one of the tags `data.tags` and `force`
   *   is not set: then none is deleted.
   */
  delete(id: LayerId, options?: DeleteLayerOptions): Promise<readonly LayerId[]>;

  /** Deletes layers without tags and dependents, least recently used first, until none is left to delete. */
  prune(options: PruneOptions): Promise<readonly LayerId[]>;
}
