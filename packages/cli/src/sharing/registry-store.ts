import {
  type BaseImage,
  type ExportOptions,
  ForwardingStore,
  type HeldLayer,
  type Layer,
  type LayerId,
  type LayerWriter,
  type ScratchDisk,
  type Store,
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
export class RegistryStore extends ForwardingStore {
  readonly #store: Store;
  readonly #remote: RemoteLayers;
  readonly #onLayer: (id: LayerId) => void;

  /** Base layers: they are imported from their images. */
  readonly #bases = new Set<LayerId>();
  readonly #onClose: (() => Promise<void>) | undefined;

  constructor({ store, remote, onLayer = () => undefined, onClose }: RegistryStoreOptions) {
    super(store);
    this.#store = store;
    this.#remote = remote;
    this.#onLayer = onLayer;
    this.#onClose = onClose;
  }

  override async baseImage(name: string): Promise<BaseImage> {
    const image = await super.baseImage(name);
    // A tagged layer is here, and no base layer that only its image makes.
    if (image.base === undefined) this.#bases.add(image.id);
    return image;
  }

  override async find(id: LayerId): Promise<Layer | undefined> {
    const here = await this.#store.find(id);
    return here || this.#bases.has(id) ? here : await this.#remote.find(id);
  }

  override recordUse(id: LayerId): void {
    super.recordUse(id);
    this.#onLayer(id);
  }

  override async tryBegin(id: LayerId): Promise<LayerWriter | undefined> {
    const writer = await super.tryBegin(id);
    return writer && this.#pulling(writer);
  }

  override async *readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    const log = (await this.#store.find(id)) ? undefined : await this.#remote.readLog(id);
    yield* log ?? this.#store.readLog(id, signal);
  }

  override async createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk> {
    await this.#remote.materialise(id, signal);
    return await super.createScratchDisk(id, signal);
  }

  override async export(id: LayerId, options: ExportOptions): Promise<void> {
    await this.#remote.materialise(id, options.signal);
    await super.export(id, options);
  }

  override async holdLayer(id: LayerId, signal?: AbortSignal): Promise<HeldLayer | undefined> {
    await this.#remote.materialise(id, signal);
    return await super.holdLayer(id, signal);
  }

  override async tag(id: LayerId, names: readonly string[], signal?: AbortSignal): Promise<void> {
    await this.#remote.materialise(id, signal);
    await super.tag(id, names, signal);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await this.#onClose?.();
    await super[Symbol.asyncDispose]();
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
