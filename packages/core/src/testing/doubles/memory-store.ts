import type { LayerRecord } from "../../ports/layer-notes.ts";
import { writeFile } from "node:fs/promises";
import { ObError, throwIfCancelled } from "../../errors.ts";
import type { GuestImage } from "../../ports/guest.ts";
import { baseLayerId, type LayerId } from "../../layer-id.ts";
import type { BaseImage, BaseLayerInfo, ScratchDisk, Layer, LayerWriter, Store } from "../../ports/store.ts";
import type { HeldLayer } from "../../ports/shared-layer.ts";
import type { DeleteLayerOptions, ExportOptions, PruneOptions } from "../../ports/store-options.ts";
import { sha256 } from "../../digest.ts";
import { Borrowed } from "./memory-borrowed.ts";
import { checkImport, dependentsOf, type MemoryLayer, noSuchLayer, withDependents } from "./memory-layer.ts";
import { MemoryLog } from "./memory-log.ts";
import { MemoryNotes } from "./memory-notes.ts";
import type { MemoryImage, MemoryStoreOperation, MemoryStoreOptions } from "./memory-store-options.ts";

/**
 * A store that keeps its layers in memory, for tests and for trying the builder without QEMU. Its
 * paths do not exist: no disk is ever made. It counts open resources, so that a test can show that none leaked.
 */
export class MemoryStore extends MemoryNotes implements Store {
  readonly ownDirectories: readonly string[];
  /** Writers that were opened and not yet disposed of. */
  openWriters = 0;
  /** How often a layer was begun. */
  readonly timesBegun = new Map<LayerId, number>();
  /** How often `recordUse` was called, by layer. */
  readonly touched = new Map<LayerId, number>();

  readonly #images: Map<string, MemoryImage>;
  readonly #before: (operation: MemoryStoreOperation, subject: string) => void | Promise<void>;
  readonly #layers = new Map<LayerId, MemoryLayer>();
  readonly #lastUsed = new Map<LayerId, Date>();
  readonly #logs = new Map<LayerId, MemoryLog>();
  readonly #begun = new Map<LayerId, LayerId | undefined>();
  readonly #borrowed = new Borrowed();

  constructor(options: MemoryStoreOptions = {}) {
    super();
    const { images = {}, ownDirectories = [], before = () => undefined } = options;
    this.ownDirectories = ownDirectories;
    this.#images = new Map(
      Array.isArray(images) ? images.map((name: string) => [name, {}]) : Object.entries(images),
    );
    this.#before = before;
  }

  /** Scratch disks that were created and not yet disposed of. */
  get openScratchDisks(): number {
    return this.#borrowed.scratchDisks;
  }

  /** Removes a base image, as if its file had been deleted. Its layer stays. */
  removeImage = (name: string): void => void this.#images.delete(name);

  unfinished = async () => [...this.#logs.keys()].filter((id) => !this.#layers.has(id));

  inUse = async () => new Set([...this.#layers.keys()].filter((id) => this.#isBusy(id)));

  /** The whole log of a layer, finished, failed or unfinished. */
  logOf = (id: LayerId): string => this.#logs.get(id)?.text() ?? "";

  async baseImage(name: string): Promise<BaseImage> {
    await this.#before("baseImage", name);
    if (this.#images.has(name)) return { name, id: baseLayerId(name), present: true };
    return this.otherImage(name, [...this.#images.keys()]);
  }

  async guestOf({ name, id, base = id }: BaseImage): Promise<GuestImage | undefined> {
    const image = this.#layers.get(base)?.base ?? this.#images.get(name);
    return image && { manifest: image.manifest, manifestDirectory: "/memory/base-image" };
  }

  async find(id: LayerId): Promise<Layer | undefined> {
    await this.#before("find", id);
    return this.#layers.get(id);
  }

  recordUse(id: LayerId): void {
    this.touched.set(id, (this.touched.get(id) ?? 0) + 1);
    if (this.#layers.has(id)) this.#lastUsed.set(id, new Date());
  }

  async baseInfo(id: LayerId): Promise<BaseLayerInfo> {
    await this.#before("baseInfo", id);
    const base = this.#layers.get(id)?.base;
    if (!base) throw noSuchLayer(id);
    return {
      environment: base.environment ?? [],
      manifest: base.manifest,
      manifestDirectory: "/memory/base-image",
    };
  }

  async tryBegin(id: LayerId): Promise<LayerWriter | undefined> {
    await this.#before("tryBegin", id);
    if (this.#begun.has(id)) return undefined;
    this.#begun.set(id, undefined);
    this.openWriters++;
    this.timesBegun.set(id, (this.timesBegun.get(id) ?? 0) + 1);
    // A finished layer keeps its log: a caller that began it too late must not clear it.
    const log = new MemoryLog();
    if (!this.#layers.has(id)) this.#logs.set(id, log);
    return this.#writer(id, log);
  }

  async *readLog(id: LayerId, signal?: AbortSignal): AsyncIterable<Uint8Array> {
    await this.#before("readLog", id);
    const log = this.#logs.get(id);
    if (!log) throw noSuchLayer(id);
    yield* log.follow(signal);
  }

  async createScratchDisk(id: LayerId, signal?: AbortSignal): Promise<ScratchDisk> {
    await this.#before("createScratchDisk", id);
    throwIfCancelled(signal);
    if (!this.#layers.has(id)) throw noSuchLayer(id);
    return this.#borrowed.scratchDisk(id);
  }

  /** Writes a file that holds the layer's id: there is no disk. */
  async export(id: LayerId, { path, overwrite = false, signal }: ExportOptions): Promise<void> {
    await this.#before("export", id);
    throwIfCancelled(signal);
    if (!this.#layers.has(id)) throw noSuchLayer(id);
    await writeFile(path, id, { flag: overwrite ? "w" : "wx" }).catch((cause: unknown) => {
      throw new ObError("USAGE", `Cannot write ${path}.`, { cause });
    });
  }

  async holdLayer(id: LayerId, signal?: AbortSignal): Promise<HeldLayer | undefined> {
    await this.#before("holdLayer", id);
    throwIfCancelled(signal);
    return this.#borrowed.held(id, this.#layers);
  }

  async layerDigests(id: LayerId): Promise<readonly string[]> {
    return [this.#layers.get(id)?.digest ?? []].flat();
  }

  *list(): Iterable<LayerRecord> {
    const used = (layer: MemoryLayer) => this.#lastUsed.get(layer.id) ?? layer.created;
    for (const layer of [...this.#layers.values()].toSorted(
      (a, b) => used(a).getTime() - used(b).getTime(),
    )) {
      const { id, parent, created } = layer;
      yield { id, parent, created, lastUsed: used(layer), dependents: dependentsOf(id, this.#layers).length };
    }
  }

  async delete(id: LayerId, options: DeleteLayerOptions = {}): Promise<readonly LayerId[]> {
    await this.#before("delete", id);
    if (!this.#layers.has(id)) throw noSuchLayer(id);
    const deleted = withDependents(id, this.#layers);
    if (options.force !== true) this.refuseTagged(deleted);
    const busy = deleted.find((layer) => this.#isBusy(layer));
    if (busy) throw new ObError("LAYER_BUSY", `The layer ${busy} is in use by a running build.`);
    for (const layer of deleted) this.#remove(layer, options.onDelete);
    return deleted;
  }

  async prune(options: PruneOptions): Promise<readonly LayerId[]> {
    const { limit = Infinity, signal, onDelete } = options;
    const gone: LayerId[] = [];
    while (gone.length < limit) {
      throwIfCancelled(signal);
      const next = [...this.list()].find(
        (layer) => this.isPrunable(layer, options) && !this.#isBusy(layer.id),
      );
      if (!next) break;
      this.#remove(next.id, onDelete);
      gone.push(next.id);
    }
    return gone;
  }

  #writer(id: LayerId, log: MemoryLog): LayerWriter {
    let base: MemoryImage | undefined;
    // Two runs of a step give different disks.
    let digest = sha256(crypto.randomUUID());
    let open = true;
    const release = () => {
      if (!open) return;
      open = false;
      this.openWriters--;
      this.#begun.delete(id);
      log.end();
    };
    return {
      id,
      importBase: async (name, signal) => {
        await this.#before("importBase", id);
        throwIfCancelled(signal);
        base = this.#images.get(name);
        if (!base) throw new ObError("BASE_IMAGE", `There is no base image ${JSON.stringify(name)}.`);
      },
      createDisk: async (parent, signal) => {
        await this.#before("createDisk", id);
        throwIfCancelled(signal);
        if (!this.#layers.has(parent)) throw noSuchLayer(parent);
        this.#begun.set(id, parent);
        return `/memory/result-tmp/${id}/rootfs/image.qcow2`;
      },
      importLayer: async (layer, signal) => {
        await this.#before("importLayer", id);
        throwIfCancelled(signal);
        if (!this.#layers.has(layer.parent)) throw noSuchLayer(layer.parent);
        await checkImport(layer, signal);
        this.#begun.set(id, layer.parent);
        digest = layer.digest;
      },
      appendLog: (bytes) => log.append(bytes),
      commit: async (step) => {
        await this.#before("commit", id);
        if (!open) throw new ObError("STORE", `The writer of ${id} was disposed of.`);
        const parent = this.#begun.get(id);
        const directory = `/memory/result/${id}`;
        const disk = `${directory}/rootfs/image.qcow2`;
        const layer = { id, directory, disk, parent, created: new Date(), base, digest };
        this.#layers.set(id, layer);
        this.recordStep(id, step);
        return layer;
      },
      [Symbol.asyncDispose]: async () => release(),
    };
  }

  protected override recordsById(): ReadonlyMap<LayerId, MemoryLayer> {
    return this.#layers;
  }

  #isBusy(id: LayerId): boolean {
    return this.#begun.has(id) || [...this.#begun.values()].includes(id) || this.#borrowed.has(id);
  }

  #remove(id: LayerId, onDelete: ((id: LayerId) => void) | undefined): void {
    onDelete?.(id);
    this.forget(id);
    this.#layers.delete(id);
    this.#lastUsed.delete(id);
    this.#logs.delete(id);
  }
}
