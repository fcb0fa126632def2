import type { BuildRecords } from "./ports/build-records.ts";
import type { GuestImage } from "./ports/guest.ts";
import type { LayerRecord, LayerTag, RecordedStep } from "./ports/layer-notes.ts";
import type { LayerRenewals } from "./ports/layer-renewals.ts";
import type { BaseImage, BaseLayerInfo, Layer, LayerWriter, ScratchDisk, Store } from "./ports/store.ts";
import type { HeldLayer } from "./ports/shared-layer.ts";
import type { DeleteLayerOptions, ExportOptions, PruneOptions } from "./ports/store-options.ts";
import type { LayerId } from "./layer-id.ts";

/** A store that leaves each call to another one. What extends it says what it does otherwise. */
export class ForwardingStore implements Store {
  readonly ownDirectories: readonly string[];
  readonly renewals: LayerRenewals | undefined;
  readonly #store: Store;

  /** @param store disposing of this store closes it. */
  constructor(store: Store) {
    this.#store = store;
    this.renewals = store.renewals;
    this.ownDirectories = store.ownDirectories ?? [];
  }

  async baseImage(name: string): Promise<BaseImage> {
    return await this.#store.baseImage(name);
  }

  async guestOf(image: BaseImage): Promise<GuestImage | undefined> {
    return await this.#store.guestOf(image);
  }

  async find(id: LayerId): Promise<Layer | undefined> {
    return await this.#store.find(id);
  }

  recordUse(id: LayerId): void {
    this.#store.recordUse(id);
  }

  async baseInfo(id: LayerId): Promise<BaseLayerInfo> {
    return await this.#store.baseInfo(id);
  }

  async tryBegin(id: LayerId): Promise<LayerWriter | undefined> {
    return await this.#store.tryBegin(id);
  }

  readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    return this.#store.readLog(id, signal);
  }

  async unfinished(): Promise<readonly LayerId[]> {
    return await this.#store.unfinished();
  }

  async createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk> {
    return await this.#store.createScratchDisk(id, signal);
  }

  async export(id: LayerId, options: ExportOptions): Promise<void> {
    await this.#store.export(id, options);
  }

  async holdLayer(id: LayerId, signal?: AbortSignal): Promise<HeldLayer | undefined> {
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
    await this.#store[Symbol.asyncDispose]();
  }
}
