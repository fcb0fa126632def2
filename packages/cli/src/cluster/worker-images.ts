import { type BaseImage, type Emit, ForwardingStore, type LayerId, ObError, type Store } from "@ob/core";
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
export class WorkerStore extends ForwardingStore {
  /** All workers have the same ids for the same steps. */
  override readonly renewals = undefined;
  readonly #images: WorkerImages;

  constructor(store: Store, images: WorkerImages) {
    super(store);
    this.#images = images;
  }

  override async baseImage(name: string): Promise<BaseImage> {
    return await this.#images.find(name);
  }
}
