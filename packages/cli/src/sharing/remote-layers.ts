import { createReadStream } from "node:fs";
import { join } from "node:path";
import {
  diskIn,
  type Emit,
  errorMessage,
  isObError,
  type Layer,
  type LayerId,
  makeTemporaryDirectory,
  ObError,
  resultDirectory,
  type Store,
  type StoreLayout,
  type TemporaryDirectory,
} from "@ob/core";
import type { ChainDisk } from "@ob/registry";
import type { LayerSource, Published } from "./source.ts";
import { takeDisk } from "./take-disk.ts";

export interface RemoteLayersOptions {
  /** Where pulled layers go to. */
  readonly store: Store;
  /** The paths of that store. */
  readonly layout: StoreLayout;
  readonly source: LayerSource;
  readonly emit: Emit;
}

/** A layer of a registry that this store can use. */
interface Accepted extends Published {
  /** The digest of its own disk. */
  readonly digest: string;
  /** The file with its log; undefined if the registry has none. */
  readonly log: string | undefined;
}

/**
 * The layers of registries that a store can use. Each is looked up once, and pulled when its disk is needed. An id names inputs
 * and not bytes: of a layer's chain, what this store has and what was taken before must be the same disks, else the layer is a
 * miss.
 */
export class RemoteLayers implements AsyncDisposable {
  readonly #options: RemoteLayersOptions;
  readonly #accepted = new Map<LayerId, Promise<Accepted | undefined>>();
  /** The disks of the layers that were accepted, by their digests. */
  readonly #taken = new Map<LayerId, string>();
  /** What the chains of other layers say of a layer. */
  readonly #inChains = new Map<LayerId, Published>();
  /** Digests of disks that cannot be had. */
  readonly #unusable = new Set<string>();
  #directory: Promise<TemporaryDirectory> | undefined;
  #isOpen = false;

  constructor(options: RemoteLayersOptions) {
    this.#options = options;
  }

  /**
   * Looks for layers whose chains say what is below them, too. Nothing is found before: a plan asks no registry. What was found
   * earlier is judged again.
   */
  async prefetch(ids: readonly LayerId[], signal: AbortSignal): Promise<void> {
    const { source, store } = this.#options;
    const wanted: LayerId[] = [];
    for (const id of ids) if (!(await store.find(id))) wanted.push(id);
    for (const found of await Promise.all(wanted.map((id) => source.find(id, signal)))) {
      const { chain } = found?.layer ?? { chain: [] };
      for (const { id } of chain) if (found && !this.#inChains.has(id)) this.#inChains.set(id, found);
    }
    this.#accepted.clear();
    this.#taken.clear();
    this.#isOpen = true;
  }

  /** The layer, with the paths that it will have. */
  async find(id: LayerId): Promise<Layer | undefined> {
    if (!this.#isOpen || !(await this.#accept(id))) return undefined;
    const directory = resultDirectory(this.#options.layout, id);
    return { id, directory, disk: diskIn(directory) };
  }

  /** The log of a layer that was found, empty if the registry has none; undefined for any other layer. */
  async readLog(id: LayerId): Promise<AsyncIterable<Uint8Array> | undefined> {
    const found = this.#isOpen ? await this.#accept(id) : undefined;
    if (!found) return undefined;
    return found.log === undefined ? nothing() : createReadStream(found.log);
  }

  /**
   * Pulls a layer that was found, and of its chain what the store lacks.
   *
   * @throws ObError `REGISTRY` if that fails; the layer is not found any more. `NO_SPACE`, `CANCELLED`.
   */
  async materialise(id: LayerId, signal?: AbortSignal): Promise<void> {
    if (await this.#options.store.find(id)) return;
    const found = await this.#accept(id);
    if (!found) return;
    const { chain } = found.layer;
    const text = `Pulling layer ${id} from ${nameOf(found)}.`;
    this.#options.emit({ type: "log", level: "info", text });
    for (const [index, disk] of chain.entries()) {
      const parent = chain[index - 1];
      if (parent) await this.#take({ disk, parent: parent.id, found, signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#directory)?.[Symbol.asyncDispose]();
  }

  async #take({ disk, parent, found, signal }: Taking): Promise<void> {
    const { store, emit } = this.#options;
    try {
      const log = async () => {
        const own = await this.#accept(disk.id);
        return own?.digest === digestOf(disk) ? own.log : undefined;
      };
      await takeDisk({ store, disk, parent, from: found, log, signal });
    } catch (error) {
      if (signal?.aborted || isObError(error, "CANCELLED", "NO_SPACE")) throw error;
      this.#unusable.add(digestOf(disk));
      this.#accepted.clear();
      this.#taken.clear();
      const text = `Layer ${disk.id} of ${nameOf(found)} cannot be used, and is built here: ${errorMessage(error)}`;
      emit({ type: "log", level: "warning", text });
      throw new ObError("REGISTRY", text, { cause: error, data: { unusable: disk.id } });
    }
  }

  async #accept(id: LayerId): Promise<Accepted | undefined> {
    const known = this.#accepted.get(id);
    if (known) return await known;
    const accepted = this.#look(id);
    this.#accepted.set(id, accepted);
    return await accepted;
  }

  async #look(id: LayerId): Promise<Accepted | undefined> {
    const published = await this.#published(id);
    const own = published?.layer.chain.at(-1);
    // A base layer is imported from its image, which comes by other ways.
    if (!published || !own || published.layer.chain.length < 2) return undefined;
    if (!(await this.#fits(published.layer.chain))) return undefined;
    const pulled = await this.#pullLog(published);
    if (!pulled) return undefined;
    this.#taken.set(id, digestOf(own));
    return { ...published, digest: digestOf(own), ...pulled };
  }

  /** The layer as the chain of a later one has it, with the log from its own manifest if that has the same disk. */
  async #published(id: LayerId): Promise<Published | undefined> {
    const own = await this.#options.source.find(id);
    const later = this.#inChains.get(id);
    if (!later) return own;
    const end = later.layer.chain.findIndex((disk) => disk.id === id) + 1;
    const chain = later.layer.chain.slice(0, end);
    const isSame = own?.layer.chain.at(-1)?.content.digest === chain.at(-1)?.content.digest;
    return isSame ? own : { ...later, layer: { ...later.layer, id, chain, log: undefined } };
  }

  /** True if the disks of a chain are those of this store, and of what was found before. */
  async #fits(chain: readonly ChainDisk[]): Promise<boolean> {
    const { store, emit } = this.#options;
    for (const [index, disk] of chain.entries()) {
      const digest = digestOf(disk);
      if (this.#unusable.has(digest)) return false;
      const here = await store.layerDigests(disk.id);
      const taken = this.#taken.get(disk.id);
      const isOther = here.length > 0 ? !here.includes(digest) : taken !== undefined && taken !== digest;
      // The base image is not taken from a chain.
      if (!isOther && (index > 0 || here.length > 0)) continue;
      const text = `Layer ${chain.at(-1)?.id ?? ""} of the registry is based on another ${index === 0 ? "base image" : "run"} than the ${disk.id} here.`;
      emit({ type: "log", level: "info", text });
      return false;
    }
    return true;
  }

  /** The file with a layer's log, if it has one. Undefined if it cannot be had: without it the layer is not complete. */
  async #pullLog({ layer, registry }: Published): Promise<Pick<Accepted, "log"> | undefined> {
    if (!layer.log) return { log: undefined };
    this.#directory ??= makeTemporaryDirectory("logs");
    const log = join((await this.#directory).path, layer.id);
    try {
      return (await registry.pullLayer(layer, { disk: () => undefined, log })) ? { log } : undefined;
    } catch (error) {
      const text = `The log of layer ${layer.id} cannot be pulled, so it is built here: ${errorMessage(error)}`;
      this.#options.emit({ type: "log", level: "warning", text });
      return undefined;
    }
  }
}

interface Taking {
  readonly disk: ChainDisk;
  readonly parent: LayerId;
  readonly found: Published;
  readonly signal: AbortSignal | undefined;
}

async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  // There is no log.
}

/** The sha256 of a disk's file, in hex. */
function digestOf({ content }: ChainDisk): string {
  return content.digest.slice("sha256:".length);
}

function nameOf({ registry }: Published): string {
  return `${registry.reference.registry}/${registry.reference.repository}`;
}
