import type {
  BaseImage,
  BaseLayerInfo,
  BuildRecords,
  DeleteLayerOptions,
  ExportOptions,
  GuestImage,
  HeldLayer,
  Layer,
  LayerId,
  LayerRecord,
  LayerTag,
  LayerWriter,
  PruneOptions,
  RecordedStep,
  ScratchDisk,
  Store,
} from "@ob/core";
import type { RemoteLayers } from "./remote-layers.ts";

export interface RegistryStoreOptions {
  /** Where layers are kept. Disposing of the registry's store closes it. */
  readonly store: Store;
  /** The layers that registries have. */
  readonly remote: RemoteLayers;
  /** Called with each layer that a build has made or used. */
  readonly onLayer?: ((id: LayerId) => void) | undefined;
  /** Called before the store is closed. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/**
 * A store whose layers can be in a registry: such a layer is found as if it were here. Its disk is pulled when something needs
 * it: a disk on top of it, a scratch disk, or an export.
 */
export class RegistryStore implements Store {
  readonly ownDirectories: readonly string[];
  readonly #store: Store;
  readonly #remote: RemoteLayers;
  readonly #onLayer: (id: LayerId) => void;

  /** Base layers: they are imported from their images. */
  readonly #bases = new Set<LayerId>();
  readonly #onClose: (() => Promise<void>) | undefined;

  constructor({ store, remote, onLayer = () => undefined, onClose }: RegistryStoreOptions) {
    this.#store = store;
    this.#remote = remote;
    this.#onLayer = onLayer;
    this.#onClose = onClose;
    this.ownDirectories = store.ownDirectories ?? [];
  }

  async baseImage(name: string): Promise<BaseImage> {
    const image = await this.#store.baseImage(name);
    // A tagged layer is here, and no base layer that only its image makes.
    if (image.base === undefined) this.#bases.add(image.id);
    return image;
  }

  async guestOf(image: BaseImage): Promise<GuestImage | undefined> {
    return await this.#store.guestOf(image);
  }

  async find(id: LayerId): Promise<Layer | undefined> {
    const here = await this.#store.find(id);
    return here || this.#bases.has(id) ? here : await this.#remote.find(id);
  }

  recordUse(id: LayerId): void {
    this.#store.recordUse(id);
    this.#onLayer(id);
  }

  async baseInfo(id: LayerId): Promise<BaseLayerInfo> {
    return await this.#store.baseInfo(id);
  }

  async tryBegin(id: LayerId): Promise<LayerWriter | undefined> {
    const writer = await this.#store.tryBegin(id);
    return writer && this.#pulling(writer);
  }

  async *readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const log = (await this.#store.find(id)) ? undefined : await this.#remote.readLog(id);
    yield* log ?? this.#store.readLog(id, signal);
  }

  async unfinished(): Promise<readonly LayerId[]> {
    return await this.#store.unfinished();
  }

  async createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk> {
    await this.#remote.materialise(id, signal);
    return await this.#store.createScratchDisk(id, signal);
  }

  async export(id: LayerId, options: ExportOptions): Promise<void> {
    await this.#remote.materialise(id, options.signal);
    await this.#store.export(id, options);
  }

  async holdLayer(id: LayerId, signal?: AbortSignal): Promise<HeldLayer | undefined> {
    await this.#remote.materialise(id, signal);
    return await this.#store.holdLayer(id, signal);
  }

  async layerDigests(id: LayerId, signal?: AbortSignal): Promise<readonly string[]> {
    return await this.#store.layerDigests(id, signal);
  }

  list(): Iterable<LayerRecord> {
    return this.#store.list();
  }

  async inUse(): Promise<ReadonlySet<LayerId>> {
    return await this.#store.inUse();
  }

  tags(): readonly LayerTag[] {
    return this.#store.tags();
  }

  async tag(id: LayerId, names: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#remote.materialise(id, signal);
    await this.#store.tag(id, names, signal);
  }

  async untag(name: string): Promise<boolean> {
    return await this.#store.untag(name);
  }

  steps(): ReadonlyMap<LayerId, RecordedStep> {
    return this.#store.steps();
  }

  get builds(): BuildRecords {
    return this.#store.builds;
  }

  async delete(id: LayerId, options?: DeleteLayerOptions): Promise<readonly LayerId[]> {
    return await this.#store.delete(id, options);
  }

  async prune(options: PruneOptions): Promise<readonly LayerId[]> {
    return await this.#store.prune(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#onClose?.();
    await this.#store[Symbol.asyncDispose]();
  }

  /** The writer, which pulls what its disk is based on. */
  #pulling(writer: LayerWriter): LayerWriter {
    return {
      id: writer.id,
      importBase: async (name, signal) => await writer.importBase(name, signal),
      createDisk: async (parent, signal) => {
        await this.#remote.materialise(parent, signal);
        return await writer.createDisk(parent, signal);
      },
      importLayer: async (layer, signal) => await writer.importLayer(layer, signal),
      appendLog: (bytes) => writer.appendLog(bytes),
      commit: async (step) => {
        const layer = await writer.commit(step);
        this.#onLayer(layer.id);
        return layer;
      },
      [Symbol.asyncDispose]: async () => await writer[Symbol.asyncDispose](),
    };
  }
}
