import { join } from "node:path";
import type { Fetched, LayerTransport, PublishedLayer } from "@ob/cluster";
import {
  type Emit,
  errorMessage,
  isObError,
  type LayerId,
  ObError,
  type Store,
  makeTemporaryDirectory,
} from "@ob/core";
import type { ChainDisk, LayerInfo, Registry } from "@ob/registry";
import { pushStoredLayer } from "../sharing/push-layer.ts";
import { findUsableLayer, hasWhole, isCorrupt } from "../sharing/source.ts";
import { type DiskToTake, takeDisk } from "../sharing/take-disk.ts";
import type { WorkerImages } from "./worker-images.ts";

export interface RegistryLayersOptions {
  readonly store: Store;
  readonly registry: Registry;
  readonly images: WorkerImages;
  readonly emit: Emit;
}

/**
 * Carries layers between a worker's store and a registry. The version of a layer is the digest of its manifest, which has the
 * digests of all disks of its chain.
 */
export class RegistryLayers implements LayerTransport {
  readonly #options: RegistryLayersOptions;

  constructor(options: RegistryLayersOptions) {
    this.#options = options;
  }

  async has(id: LayerId): Promise<string | undefined> {
    return (await this.#find(id))?.manifestDigest;
  }

  async localDigest(id: LayerId): Promise<string | undefined> {
    if (!(await this.#options.store.find(id))) return undefined;
    const layer = await this.#find(id);
    if (!layer) return undefined;
    for (const disk of layer.chain) if (!(await this.#isHere(disk))) return undefined;
    return layer.manifestDigest;
  }

  async fetch(id: LayerId, digest: string, signal?: AbortSignal): Promise<Fetched> {
    const { registry } = this.#options;
    const layer = await this.#find(id, signal);
    if (layer?.manifestDigest !== digest) return "gone";
    const [base, ...overlays] = layer.chain;
    if (!base) return "gone";
    await using directory = await makeTemporaryDirectory("layer");
    try {
      if (!(await this.#takeBase(base, signal))) return "conflict";
      let parent = base.id;
      for (const disk of overlays) {
        if (!(await this.#makeRoom(disk))) return "conflict";
        const log = async () =>
          disk.id === id ? await pullLog(layer, { registry, directory: directory.path }) : undefined;
        const { store } = this.#options;
        if (!(await this.#take({ store, disk, parent, from: { layer, registry }, log, signal })))
          return "gone";
        parent = disk.id;
      }
      return "fetched";
    } catch (error) {
      const isGone = isObError(error, "REGISTRY") && (await this.#isIncomplete(layer));
      if (isGone) return "gone";
      throw error;
    }
  }

  /** @throws ObError `NO_SUCH_LAYER` if the registry has another version of what it is based on, or it cannot be shared. */
  async publish(id: LayerId, stop?: AbortSignal): Promise<PublishedLayer> {
    const signal = stop ?? new AbortController().signal;
    const { store, registry, emit } = this.#options;
    if (!(await store.find(id))) throw notShared(id, "it is no longer there");
    const push = { store, registry, signal, emit, replace: true, bases: true };
    const pushed = await pushStoredLayer(id, push);
    if (!pushed) throw notShared(id, "its disk is based on files that are not layers");
    const { layer, below } = pushed;
    if (layer.chain.length > 1 && !below) throw notShared(id, "what it is based on is another version there");
    const parent = below && { id: below.id, digest: below.manifestDigest };
    return { digest: layer.manifestDigest, parent };
  }

  async #find(id: LayerId, signal?: AbortSignal): Promise<LayerInfo | undefined> {
    const { registry, emit } = this.#options;
    return await findUsableLayer(registry, id, { emit, signal });
  }

  /** A base layer is imported from its image, and must be the same disk. @returns false if it is another one. */
  async #takeBase(disk: ChainDisk, signal: AbortSignal | undefined): Promise<boolean> {
    const { store, images, emit } = this.#options;
    if (!(await this.#makeRoom(disk))) return false;
    if (await store.find(disk.id)) return true;
    await images.importLayer(disk.id, signal);
    if (await this.#isHere(disk)) return true;
    const name = JSON.stringify(images.nameOf(disk.id) ?? disk.id);
    const text = `The base image ${name} of this worker is another one than that of the registry's layers.`;
    emit({ type: "log", level: "warning", text });
    return false;
  }

  /** @returns false, with a warning, if what the registry has cannot be used: by this worker and by others. */
  async #take(take: DiskToTake): Promise<boolean> {
    try {
      await takeDisk(take);
      return true;
    } catch (error) {
      if (!isCorrupt(error) && !isObError(error, "BASE_IMAGE")) throw error;
      const { disk } = take;
      const text = `The layer ${disk.id} of the registry cannot be used, and is built anew: ${errorMessage(error)}`;
      this.#options.emit({ type: "log", level: "warning", text });
      return false;
    }
  }

  /** Deletes another version of a layer. @returns false if it is in use. */
  async #makeRoom(disk: ChainDisk): Promise<boolean> {
    const { store } = this.#options;
    if (!(await store.find(disk.id)) || (await this.#isHere(disk))) return true;
    try {
      await store.delete(disk.id);
      return true;
    } catch (error) {
      if (isObError(error, "LAYER_BUSY")) return false;
      if (isObError(error, "NO_SUCH_LAYER")) return true;
      throw error;
    }
  }

  async #isHere({ id, content }: ChainDisk): Promise<boolean> {
    const digests = await this.#options.store.layerDigests(id);
    return digests.some((each) => `sha256:${each}` === content.digest);
  }

  async #isIncomplete({ chain, log }: LayerInfo): Promise<boolean> {
    for (const { blob } of [...chain, ...(log ? [log] : [])]) {
      if (!(await hasWhole(this.#options.registry, blob))) return true;
    }
    return false;
  }
}

interface LogTarget {
  readonly registry: Pick<Registry, "pullLayer">;
  readonly directory: string;
  readonly signal?: AbortSignal | undefined;
}

/** Pulls the log of a layer into a file; undefined if the registry has none. */
export async function pullLog(
  layer: LayerInfo,
  { registry, directory, signal }: LogTarget,
): Promise<string | undefined> {
  if (!layer.log) return undefined;
  const log = join(directory, "log");
  return (await registry.pullLayer(layer, { disk: () => undefined, log, signal })) ? log : undefined;
}

function notShared(id: LayerId, why: string): ObError {
  return new ObError("NO_SUCH_LAYER", `The layer ${id} cannot be shared: ${why}.`);
}
