import { type BaseImage, type Emit, type LayerId, ObError, type Store } from "@ob/core";
import type { Registry } from "@ob/registry";

export interface WorkerImagesOptions {
  readonly store: Store;
  /** The directory of that store. */
  readonly directory: string;
  readonly registry: Pick<Registry, "reference" | "findImage" | "pullImage">;
  readonly emit: Emit;
}

/** The base images of a worker: those that its store lacks come from the registry, by their names. */
export class WorkerImages {
  readonly #options: WorkerImagesOptions;
  readonly #names = new Map<LayerId, string>();
  readonly #pulling = new Map<string, Promise<void>>();

  constructor(options: WorkerImagesOptions) {
    this.#options = options;
  }

  /** The name of the image of a base layer, if a build has asked for it. */
  nameOf(id: LayerId): string | undefined {
    return this.#names.get(id);
  }

  /** See `Store.baseImage`; pulls the image if the store does not have it and the registry does. */
  async find(name: string): Promise<BaseImage> {
    const { store } = this.#options;
    const own = await store.baseImage(name);
    this.#names.set(own.id, name);
    if (own.present || (await store.find(own.id))) return own;
    let pulling = this.#pulling.get(name);
    if (!pulling) {
      pulling = this.#pull(name).finally(() => this.#pulling.delete(name));
      this.#pulling.set(name, pulling);
    }
    await pulling;
    return await store.baseImage(name);
  }

  /** Makes the base layer of an id, if it is not there. @throws ObError `BASE_IMAGE` if its image cannot be had. */
  async importLayer(id: LayerId, signal?: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const name = this.#names.get(id);
    if (name === undefined)
      throw new ObError("BASE_IMAGE", `Nothing says which image the layer ${id} is of.`);
    await this.find(name);
    await using writer = await store.tryBegin(id);
    if (!writer || (await store.find(id))) return;
    await writer.importBase(name, signal);
    await writer.commit();
  }

  async #pull(name: string): Promise<void> {
    const { directory, registry, emit } = this.#options;
    // A name that cannot be a tag is an image of the worker's own.
    if (!/^\w[\w.-]{0,127}$/.test(name)) return;
    const image = await registry.findImage(name);
    if (!image) return;
    const { addSharedImage } = await import("@ob/images");
    const from = `${registry.reference.registry}/${registry.reference.repository}`;
    emit({ type: "log", level: "info", text: `Pulling the base image ${name} from ${from}.` });
    await addSharedImage(directory, {
      name,
      fetch: async ({ disk, file }) => {
        const pulled = await registry.pullImage(image, { disk, file });
        if (pulled?.manifest !== undefined) return pulled.manifest;
        throw new ObError("REGISTRY", `The base image ${name} is not, or not completely, in ${from}.`);
      },
    });
  }
}

/** The worker's store, whose base images come from the registry where they are missing. */
export function withImages(store: Store, images: WorkerImages): Store {
  return {
    ownDirectories: store.ownDirectories ?? [],
    baseImage: async (name) => await images.find(name),
    guestOf: async (image) => await store.guestOf(image),
    find: async (id) => await store.find(id),
    recordUse: (id) => store.recordUse(id),
    baseInfo: async (id) => await store.baseInfo(id),
    tryBegin: async (id) => await store.tryBegin(id),
    readLog: (id, signal) => store.readLog(id, signal),
    unfinished: async () => await store.unfinished(),
    createScratchDisk: async (id, signal) => await store.createScratchDisk(id, signal),
    export: async (id, options) => await store.export(id, options),
    holdLayer: async (id, signal) => await store.holdLayer(id, signal),
    layerDigests: async (id, signal) => await store.layerDigests(id, signal),
    list: () => store.list(),
    inUse: async () => await store.inUse(),
    tags: () => store.tags(),
    tag: async (id, names, signal) => await store.tag(id, names, signal),
    untag: async (name) => await store.untag(name),
    steps: () => store.steps(),
    builds: store.builds,
    delete: async (id, options) => await store.delete(id, options),
    prune: async (options) => await store.prune(options),
    [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose](),
  };
}
