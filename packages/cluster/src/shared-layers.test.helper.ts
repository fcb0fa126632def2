import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isLayerId, type LayerId, layerId, ObError, sha256, type Store } from "@ob/core";
import type { Fetched, LayerTransport } from "./claims/layer-transport.ts";
import type { PublishedLayer } from "./redis/layer-states.ts";

/** A version of a layer, as a file of the directory that stands for the registry. */
interface Version {
  readonly id: LayerId;
  /** The name of the image, of a base layer. */
  readonly image: string | undefined;
  readonly parent: PublishedLayer["parent"];
}

/**
 * A registry that is a directory, for tests: it holds no disks, but every version of a layer has a digest of its own, which
 * covers its parent's. Several processes may use one directory.
 */
export class SharedLayers implements LayerTransport {
  readonly #directory: string;
  readonly #store: Store;
  readonly #images: readonly string[];
  readonly #local = new Map<LayerId, string>();
  /** Called before each push: what it throws is the push's error, what it awaits delays it. */
  beforePublish: (id: LayerId) => void | Promise<void> = () => undefined;
  /** Likewise, before each fetch. */
  beforeFetch: () => void | Promise<void> = () => undefined;

  constructor(directory: string, { store, images }: { store: Store; images: readonly string[] }) {
    this.#directory = directory;
    this.#store = store;
    this.#images = images;
  }

  async has(id: LayerId): Promise<string | undefined> {
    this.#reach();
    return await this.#read(id);
  }

  async localDigest(id: LayerId): Promise<string | undefined> {
    return (await this.#store.find(id)) ? this.#local.get(id) : undefined;
  }

  async fetch(id: LayerId, digest: string): Promise<Fetched> {
    await this.beforeFetch();
    this.#reach();
    const text = await this.#read(`${id}@${digest}`);
    if (text === undefined) return "gone";
    const version = JSON.parse(text) as Version;
    if (version.parent) {
      const below = await this.fetch(version.parent.id, version.parent.digest);
      if (below !== "fetched") return below;
    }
    if (await this.#store.find(id)) {
      if (this.#local.get(id) === digest) return "fetched";
      try {
        await this.#store.delete(id);
      } catch {
        return "conflict";
      }
    }
    await using writer = await this.#store.tryBegin(id);
    if (!writer) return "conflict";
    if (version.parent) await writer.createDisk(version.parent.id);
    else await writer.importBase(version.image ?? "");
    await writer.commit();
    this.#local.set(id, digest);
    return "fetched";
  }

  async publish(id: LayerId): Promise<PublishedLayer> {
    await this.beforePublish(id);
    this.#reach();
    const record = [...this.#store.list()].find((each) => each.id === id);
    if (!record) throw new ObError("NO_SUCH_LAYER", `There is no layer ${id} to publish.`);
    const below = record.parent;
    const parentDigest = below && this.#local.get(below);
    if (below && parentDigest === undefined) throw new Error("its parent was not published");
    const parent = below && parentDigest !== undefined ? { id: below, digest: parentDigest } : undefined;
    // Two runs of a step give different bytes.
    const digest = sha256(`${id} ${crypto.randomUUID()}`);
    const image = this.#images.find((name) => sha256(name) === id);
    const version: Version = { id, image, parent };
    await this.#write(`${id}@${digest}`, JSON.stringify(version));
    await this.#write(id, digest);
    this.#local.set(id, digest);
    return { digest, parent };
  }

  /** As if the registry had collected it. */
  async forget(id: LayerId): Promise<void> {
    const digest = await this.#read(id);
    await rm(join(this.#directory, `${id}@${digest}`));
    await rm(join(this.#directory, id));
  }

  /** The parent of a version, and the version of that. */
  async parentOf(id: LayerId, digest: string): Promise<PublishedLayer["parent"]> {
    const text = await this.#read(`${layerId(id)}@${digest}`);
    return text === undefined ? undefined : (JSON.parse(text) as Version).parent;
  }

  /** While there is a file of that name with `.away` beside the directory, all workers find the registry gone. */
  #reach(): void {
    if (!existsSync(`${this.#directory}.away`)) return;
    throw new ObError("REGISTRY", "The registry does not answer.");
  }

  async #read(name: string): Promise<string | undefined> {
    return await readFile(join(this.#directory, name), "utf8").catch(() => undefined);
  }

  async #write(name: string, text: string): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
    const temporary = join(this.#directory, `.${crypto.randomUUID()}`);
    await writeFile(temporary, text);
    // The first to push a layer keeps its tag.
    if (isLayerId(name) && (await this.#read(name)) !== undefined) return await rm(temporary);
    await rename(temporary, join(this.#directory, name));
  }
}
