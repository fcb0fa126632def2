import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type BaseImage,
  type BaseLayerInfo,
  baseLayerId,
  type GuestImage,
  type ImageManifest,
  type Layer,
  type LayerId,
  ObError,
  parseImageManifest,
  type Store,
  taggedBase,
  makeTemporaryDirectory,
} from "@ob/core";
import type { Registry } from "@ob/registry";
import { EmptyStore } from "../empty-store.ts";

type ImageRegistry = Pick<Registry, "reference" | "findImage" | "pullBlob">;

/** The largest manifest of an image that is read, in bytes. */
const largestManifest = 2 ** 20;

/**
 * What the plan of a build needs of a store, without one: what base images say, from their manifests in a registry. No disk is
 * pulled, and no layer is found but those of base images.
 */
export class PlanningStore extends EmptyStore implements Store {
  readonly #registry: ImageRegistry;
  readonly #images = new Map<string, Promise<ImageManifest | undefined>>();
  readonly #names = new Map<LayerId, string>();

  constructor(registry: ImageRegistry) {
    super();
    this.#registry = registry;
  }

  /** @throws ObError `BASE_IMAGE` if the registry does not have the image, or not all of its manifest, or it is a tag. */
  override async baseImage(name: string): Promise<BaseImage> {
    const id = baseLayerId(name);
    await this.manifestOf(name);
    this.#names.set(id, name);
    return { name, id, present: true };
  }

  override async guestOf({ name }: BaseImage): Promise<GuestImage> {
    return { manifest: await this.manifestOf(name), manifestDirectory: nowhere };
  }

  override async find(id: LayerId): Promise<Layer | undefined> {
    return this.#names.has(id) ? { id, directory: nowhere, disk: nowhere } : undefined;
  }

  override async baseInfo(id: LayerId): Promise<BaseLayerInfo> {
    const name = this.#names.get(id);
    if (name === undefined) throw new ObError("NO_SUCH_LAYER", `There is no base layer ${id}.`);
    return { environment: [], manifest: await this.manifestOf(name), manifestDirectory: nowhere };
  }

  /** The manifest of an image, undefined if it has none. @throws as `baseImage`. */
  async manifestOf(name: string): Promise<ImageManifest | undefined> {
    if (taggedBase(name) !== undefined) {
      throw new ObError(
        "BASE_IMAGE",
        `${JSON.stringify(name)} is a tag of one store, which the workers of a cluster do not have.`,
        {
          hint: "Start from a base image; `obuilder export` and `obuilder image push` make one of a layer.",
        },
      );
    }
    let found = this.#images.get(name);
    if (!found) {
      found = this.#read(name);
      this.#images.set(name, found);
    }
    return await found;
  }

  async #read(name: string): Promise<ImageManifest | undefined> {
    const { registry, repository } = this.#registry.reference;
    const isTag = /^\w[\w.-]{0,127}$/.test(name);
    const image = isTag ? await this.#registry.findImage(name) : undefined;
    const missing = (): ObError =>
      new ObError(
        "BASE_IMAGE",
        `The registry ${registry}/${repository} has no base image ${JSON.stringify(name)}.`,
        {
          hint: `Push it from a store that has it: obuilder image push ${name} ${registry}/${repository}`,
        },
      );
    if (!image) throw missing();
    const { imageManifest } = image;
    if (!imageManifest) return undefined;
    if (imageManifest.size > largestManifest) throw missing();
    await using directory = await makeTemporaryDirectory("image");
    const file = join(directory.path, "manifest.json");
    if (!(await this.#registry.pullBlob(imageManifest, file))) throw missing();
    return parseImageManifest(await readFile(file, "utf8"), `of the image ${name}`);
  }
}

/** What is only planned has no files. */
const nowhere = "/nonexistent";
