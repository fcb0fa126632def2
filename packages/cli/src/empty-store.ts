import {
  type BaseImage,
  type BaseLayerInfo,
  type BuildRecords,
  baseLayerId,
  type GuestImage,
  type Layer,
  type LayerId,
  noSuchTag,
  ObError,
  type RecordedStep,
  type Store,
  taggedBase,
} from "@ob/core";

/** An empty store, for a plan where none exists: planning creates no directory. */
export class EmptyStore implements Store {
  readonly ownDirectories: readonly string[];
  readonly builds: BuildRecords = { add: () => undefined, list: () => [], remove: () => 0 };
  readonly renewals = { current: (id: LayerId) => id, renew: () => undefined };

  /** @param directory where it would be, if it would be anywhere. */
  constructor(directory?: string) {
    this.ownDirectories = directory === undefined ? [] : [directory];
  }

  async baseImage(name: string): Promise<BaseImage> {
    const tag = taggedBase(name);
    if (tag !== undefined) throw noSuchTag(tag, []);
    return { name, id: baseLayerId(name), present: false };
  }

  async guestOf(_image: BaseImage): Promise<GuestImage | undefined> {
    return undefined;
  }

  async find(_id: LayerId): Promise<Layer | undefined> {
    return undefined;
  }

  recordUse(): void {
    // There is no layer.
  }

  async baseInfo(id: LayerId): Promise<BaseLayerInfo> {
    throw noLayer(id);
  }

  async tryBegin(): Promise<undefined> {
    return undefined;
  }

  // oxlint-disable-next-line require-yield -- It has no log.
  async *readLog(id: LayerId): AsyncIterable<Uint8Array> {
    throw noLayer(id);
  }

  async unfinished(): Promise<readonly []> {
    return [];
  }

  async createScratchDisk(id: LayerId): Promise<never> {
    throw noLayer(id);
  }

  async export(id: LayerId): Promise<never> {
    throw noLayer(id);
  }

  async holdLayer(id: LayerId): Promise<never> {
    throw noLayer(id);
  }

  async layerDigests(): Promise<readonly []> {
    return [];
  }

  list(): readonly [] {
    return [];
  }

  async inUse(): Promise<ReadonlySet<LayerId>> {
    return new Set();
  }

  tags(): readonly [] {
    return [];
  }

  async tag(id: LayerId): Promise<never> {
    throw noLayer(id);
  }

  async untag(): Promise<boolean> {
    return false;
  }

  steps(): ReadonlyMap<LayerId, RecordedStep> {
    return new Map();
  }

  async delete(id: LayerId): Promise<never> {
    throw noLayer(id);
  }

  async prune(): Promise<readonly []> {
    return [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // There is nothing to close.
  }
}

function noLayer(id: LayerId): ObError {
  return new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`);
}
