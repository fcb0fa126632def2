import { existsSync } from "node:fs";
import {
  checkOptions,
  type BaseImage,
  type BaseLayerInfo,
  type BuildRecords,
  type ScratchDisk,
  makeStorePrivate,
  diskIn,
  type Emit,
  type GuestImage,
  type ExportOptions,
  type HeldLayer,
  type Layer,
  type LayerWriter,
  type LayerId,
  type LayerRecord,
  type LayerTag,
  type DeleteLayerOptions,
  type RecordedStep,
  type StoreLayout,
  storeLayout,
  type LayerRenewals,
  type PruneOptions,
  resultDirectory,
  noopEmit,
  type Store,
  type StorePath,
  withStoreErrors,
} from "@ob/core";
import type { ConfineReader } from "@ob/qcow2";
import { BackgroundWork } from "./background.ts";
import { resolveBaseImage } from "./base-images/base-images.ts";
import { readBaseInfo, readGuest } from "./base-images/base-info.ts";
import { tryBeginLayer } from "./layers/layer-writer.ts";
import type { StoreContext } from "./context.ts";
import { openDatabase } from "./db/open-database.ts";
import { digestsOfLayer, holdLayer } from "./layers/held-layer.ts";
import { exportDisk } from "./layers/export.ts";
import { findLayer } from "./layers/layers.ts";
import { createScratchDisk } from "./layers/scratch-disk.ts";
import { readLog, unfinishedLayers } from "./layers/log.ts";
import { deleteLayer, layersInUse, pruneLayers } from "./layers/remove.ts";
import { makeDirectories } from "./store-directories.ts";
import { sweep } from "./layers/sweep.ts";
import { findTagged, tagLayer } from "./layers/tags.ts";
import { LastUsedRecorder } from "./db/last-used.ts";

export interface StoreOptions {
  /** The store's directory; a relative path is resolved against the working directory. */
  readonly directory: string;
  /** Creates the directory if it does not exist. By default a missing store is an error. */
  readonly create?: boolean | undefined;
  /** The minimum size of a new layer's disk, in bytes. */
  readonly diskSize?: number | undefined;
  /** Confines the check of a disk from elsewhere: of a base image, and of an imported layer. By default it has the rights of its caller. */
  readonly confine?: ConfineReader | undefined;
  readonly emit?: Emit | undefined;
}

/**
 * Opens a store, and removes what crashed processes left in it.
 *
 * @throws ObError `STORE` if the store does not exist or cannot be used; `NO_SPACE`.
 */
export async function openStore(options: StoreOptions): Promise<QcowStore> {
  checkOptions("openStore", options, {
    directory: "string",
    create: "boolean?",
    diskSize: "number?",
    confine: "function?",
    emit: "function?",
  });
  const { directory, create = false, diskSize, confine, emit = noopEmit } = options;
  const layout = storeLayout(directory);
  return await withStoreErrors(`open the store ${layout.root}`, async () => {
    await makeDirectories(layout, create);
    await makeStorePrivate(layout.root, emit);
    const database = await openDatabase(layout);
    try {
      const background = new BackgroundWork(emit);
      const context: StoreContext = { layout, database, emit, background, diskSize, confine };
      await sweep(context);
      return new QcowStore(context);
    } catch (error) {
      database.close();
      throw error;
    }
  });
}

/** A store of qcow2 layers in a directory: see `Store` for the contract, and `StoreLayout` for the paths. */
export class QcowStore implements Store {
  /** The directories of the store itself. Each can be a link to another place. */
  readonly ownDirectories: readonly StorePath[];
  /** Every path of the store. */
  readonly layout: StoreLayout;
  readonly #context: StoreContext;
  readonly #uses: LastUsedRecorder;

  constructor(context: StoreContext) {
    this.#context = context;
    this.#uses = new LastUsedRecorder(context);
    this.layout = context.layout;
    const { root, baseImages, results, temporary, caches, temporaryCaches, state } = context.layout;
    this.ownDirectories = [root, baseImages, results, temporary, caches, temporaryCaches, state];
  }

  async baseImage(name: string): Promise<BaseImage> {
    return await withStoreErrors(
      `look up the base image ${name}`,
      async () => (await findTagged(this.#context, name)) ?? (await resolveBaseImage(this.#context, name)),
    );
  }

  async guestOf(image: BaseImage): Promise<GuestImage | undefined> {
    return await withStoreErrors(`read the manifest of ${image.name}`, () => readGuest(this.#context, image));
  }

  async find(id: LayerId): Promise<Layer | undefined> {
    return await withStoreErrors(`look up layer ${id}`, () => findLayer(this.#context, id));
  }

  recordUse(id: LayerId): void {
    this.#uses.add(id);
  }

  async baseInfo(id: LayerId): Promise<BaseLayerInfo> {
    return await withStoreErrors(`read base layer ${id}`, () => readBaseInfo(this.#context, id));
  }

  async tryBegin(id: LayerId): Promise<LayerWriter | undefined> {
    return await withStoreErrors(`begin layer ${id}`, () => tryBeginLayer(this.#context, id));
  }

  readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return readLog(this.layout, id, signal);
  }

  async unfinished(): Promise<readonly LayerId[]> {
    return await withStoreErrors("list unfinished layers", () => unfinishedLayers(this.layout));
  }

  async createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk> {
    return await withStoreErrors(`create a scratch disk on layer ${id}`, () =>
      createScratchDisk(this.#context, id, signal),
    );
  }

  async export(id: LayerId, options: ExportOptions): Promise<void> {
    await withStoreErrors(`write ${options.path}`, () => exportDisk(this.#context, id, options));
  }

  async holdLayer(id: LayerId, signal?: AbortSignal): Promise<HeldLayer | undefined> {
    return await withStoreErrors(`read layer ${id}`, () => holdLayer(this.#context, id, signal));
  }

  async layerDigests(id: LayerId, signal?: AbortSignal): Promise<readonly string[]> {
    return await withStoreErrors(`read layer ${id}`, () => digestsOfLayer(this.#context, id, signal));
  }

  /** Skips rows whose layer was removed by hand. */
  list(): Iterable<LayerRecord> {
    const { layout, database } = this.#context;
    this.#uses.record();
    return database.list().filter(({ id }) => existsSync(diskIn(resultDirectory(layout, id))));
  }

  async inUse(): Promise<ReadonlySet<LayerId>> {
    return await withStoreErrors("list layers in use", () => layersInUse(this.#context));
  }

  /** Skips tags of layers that were removed by hand. */
  tags(): readonly LayerTag[] {
    const { layout, database } = this.#context;
    return database.tags.list().filter(({ id }) => existsSync(diskIn(resultDirectory(layout, id))));
  }

  async tag(id: LayerId, names: readonly string[], signal?: AbortSignal): Promise<void> {
    const doing = `tag layer ${id}`;
    await withStoreErrors(doing, () => tagLayer(this.#context, id, { names, signal }));
  }

  async untag(name: string): Promise<boolean> {
    return await withStoreErrors("remove a tag", async () => this.#context.database.tags.remove(name));
  }

  get renewals(): LayerRenewals {
    return this.#context.database.renewals;
  }

  steps(): ReadonlyMap<LayerId, RecordedStep> {
    return this.#context.database.steps.all();
  }

  get builds(): BuildRecords {
    return this.#context.database.builds;
  }

  async delete(id: LayerId, options: DeleteLayerOptions = {}): Promise<readonly LayerId[]> {
    // Background work uses layers.
    await this.#context.background.stop();
    return await withStoreErrors(`delete layer ${id}`, () => deleteLayer(this.#context, id, options));
  }

  async prune(options: PruneOptions): Promise<readonly LayerId[]> {
    await this.#context.background.stop();
    this.#uses.record();
    return await withStoreErrors("prune the store", () => pruneLayers(this.#context, options));
  }

  /** Ends background work, and closes the database. Open writers must be disposed of first. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#context.background[Symbol.asyncDispose]();
    this.#uses.record();
    this.#context.database.close();
  }
}
