import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  layerBackingPath,
  diskIn,
  type Layer,
  type LayerImport,
  type LayerStep,
  type LayerWriter,
  type LayerId,
  layerLock,
  monotonicMs,
  resultDirectory,
  type StorePath,
  stagingDirectory,
  toStoreError,
  within,
  withStoreErrors,
} from "@ob/core";
import {
  createOverlay,
  flattenBeforeUseFrom,
  flattenInBackgroundFrom,
  type Lock,
  syncPath,
  syncTree,
  tryLock,
} from "@ob/qcow2";
import { readChain } from "../chain/backing-chain.ts";
import type { StoreContext } from "../context.ts";
import type { BaseImageRecord } from "../db/database.ts";
import { flattenLayer, layerUnder } from "../chain/flatten.ts";
import { recordDigest } from "./digests.ts";
import { behindGate } from "./gate.ts";
import { importDisk } from "./import-layer.ts";
import { importBaseImage } from "../base-images/import-base.ts";
import { layerOnDisk } from "./layers.ts";
import { pinLayer } from "./pin-layer.ts";
import { removeDependents } from "./remove.ts";

/**
 * Takes the exclusive right to make a layer.
 *
 * @returns undefined if another caller has it, in this process or in another.
 */
export async function tryBeginLayer(context: StoreContext, id: LayerId): Promise<LayerWriter | undefined> {
  const lock = await tryLock(layerLock(context.layout, id), "exclusive");
  if (!lock) return undefined;
  const directory = stagingDirectory(context.layout, id);
  try {
    // Left over from a crash or an earlier failure.
    await rm(directory, { recursive: true, force: true });
    await mkdir(directory, { mode: 0o700 });
    const log = openSync(within(directory, "log"), "ax", 0o600);
    return new QcowLayerWriter(context, { id, directory, lock, log });
  } catch (error) {
    lock.release();
    throw error;
  }
}

class QcowLayerWriter implements LayerWriter {
  readonly id: LayerId;
  readonly #context: StoreContext;
  readonly #directory: StorePath;
  readonly #lock: Lock;
  #log: number | undefined;
  #hasDisk = false;
  #parent: { readonly id: LayerId; readonly lock: Lock } | undefined;
  #image: { readonly name: string; readonly record: BaseImageRecord } | undefined;
  /** Of an imported disk. */
  #digest: string | undefined;
  readonly #begun = monotonicMs();
  #ended = false;

  constructor(context: StoreContext, begun: { id: LayerId; directory: StorePath; lock: Lock; log: number }) {
    this.#context = context;
    this.id = begun.id;
    this.#directory = begun.directory;
    this.#lock = begun.lock;
    this.#log = begun.log;
  }

  async importBase(name: string, signal?: AbortSignal): Promise<void> {
    await withStoreErrors(`import the base image ${name}`, async () => {
      await this.#startDisk();
      const record = await importBaseImage(this.#context, name, {
        id: this.id,
        directory: this.#directory,
        signal,
      });
      this.#image = { name, record };
      this.#hasDisk = true;
    });
  }

  async createDisk(parent: LayerId, signal?: AbortSignal): Promise<string> {
    return await withStoreErrors(`create a disk on layer ${parent}`, async () => {
      await this.#startDisk();
      await this.#pinParent(parent, signal);
      await this.#createOverlay(parent, signal);
      this.#hasDisk = true;
      return diskIn(this.#directory);
    });
  }

  async importLayer(layer: LayerImport, signal?: AbortSignal): Promise<void> {
    const { parent } = layer;
    await withStoreErrors(`import a layer on ${parent}`, async () => {
      await this.#startDisk();
      await this.#pinParent(parent, signal);
      const chain = await readChain(this.#context, parent);
      await importDisk(layer, { id: this.id, disk: diskIn(this.#directory), chain, signal }, this.#context);
      this.#hasDisk = true;
      this.#digest = layer.digest;
      await this.#shorten(chain.files, signal);
    });
  }

  appendLog(bytes: Uint8Array): void {
    if (this.#log === undefined) throw new TypeError(`the writer of ${this.id} has ended`);
    try {
      for (let written = 0; written < bytes.length;) {
        written += writeSync(this.#log, bytes, written);
      }
    } catch (error) {
      throw toStoreError(error, `write the log of layer ${this.id}`);
    }
  }

  async commit(step?: LayerStep): Promise<Layer> {
    if (this.#ended) throw new TypeError(`the writer of ${this.id} has ended`);
    if (!this.#hasDisk) throw new TypeError(`layer ${this.id} has no disk yet`);
    const layer = await withStoreErrors(`commit layer ${this.id}`, () => this.#publish(step));
    await this[Symbol.asyncDispose]();
    return layer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.#closeLog();
      // The log of a finished layer is the one in its own directory.
      const done = await layerOnDisk(this.#context.layout, this.id);
      if (done) await rm(this.#directory, { recursive: true, force: true });
      else await dropAllButLog(this.#directory);
    } finally {
      this.#parent?.lock.release();
      this.#lock.release();
    }
  }

  /** Starts over: a step can be retried with the same writer. */
  async #startDisk(): Promise<void> {
    if (this.#ended) throw new TypeError(`the writer of ${this.id} has ended`);
    await dropAllButLog(this.#directory);
    this.#hasDisk = false;
    this.#image = undefined;
    this.#digest = undefined;
    await mkdir(within(this.#directory, "rootfs"), { mode: 0o700 });
  }

  async #pinParent(parent: LayerId, signal: AbortSignal | undefined): Promise<void> {
    this.#parent?.lock.release();
    this.#parent = undefined;
    const lock = await pinLayer(this.#context, parent, signal);
    this.#parent = { id: parent, lock };
  }

  async #createOverlay(parent: LayerId, signal: AbortSignal | undefined): Promise<void> {
    const { diskSize, emit } = this.#context;
    const disk = diskIn(this.#directory);
    const { virtualSize, files } = await readChain(this.#context, parent);
    const grown = diskSize !== undefined && diskSize > virtualSize ? diskSize : undefined;
    await createOverlay(disk, { backing: layerBackingPath(parent), virtualSize: grown, signal, emit });
    await this.#shorten(files, signal);
  }

  /**
   * Flattens the layers below the parent if the chain has grown long. Not the parent itself: a virtual machine that is
   * reused for the next step may still have it open for writing.
   */
  async #shorten(files: readonly string[], signal: AbortSignal | undefined): Promise<void> {
    const below = layerUnder(files);
    if (files.length <= flattenInBackgroundFrom || below === undefined) return;
    const fromLength = flattenInBackgroundFrom;
    if (files.length > flattenBeforeUseFrom) {
      await flattenLayer(this.#context, below, { fromLength, signal });
      return;
    }
    this.#context.background.start(`flatten layer ${below}`, async (closing) => {
      await flattenLayer(this.#context, below, { fromLength, signal: closing });
    });
  }

  /** The order matters: after a crash at any point there is a complete layer or none. */
  async #publish(step: LayerStep | undefined): Promise<Layer> {
    const { layout } = this.#context;
    const found = await layerOnDisk(layout, this.id);
    // Another process can have made it before this one began. A finished layer never changes.
    if (found) return found;
    if (this.#log !== undefined) fsyncSync(this.#log);
    this.#closeLog();
    await syncTree(this.#directory);
    await removeDependents(this.#context, this.id);
    await behindGate(layout, { mode: "shared" }, () => this.#appear(step));
    const directory = resultDirectory(layout, this.id);
    return { id: this.id, directory, disk: diskIn(directory) };
  }

  /** A deletion sees all of this or nothing: the parent, which is locked until then, has a dependent afterwards. */
  async #appear(step: LayerStep | undefined): Promise<void> {
    const { layout, database } = this.#context;
    if (this.#image) database.recordBaseImage(this.#image.name, this.#image.record, { replace: true });
    if (this.#digest !== undefined) await recordDigest(this.#context, this.id, this.#digest);
    if (step) database.steps.record(this.id, step, monotonicMs() - this.#begun);
    database.markPending(this.id, this.#parent?.id);
    const directory = resultDirectory(layout, this.id);
    // It has no disk: otherwise the layer was found above.
    await rm(directory, { recursive: true, force: true });
    await rename(this.#directory, directory);
    await Promise.all([syncPath(layout.results), syncPath(layout.temporary)]);
    database.insert(this.id, this.#parent?.id);
  }

  #closeLog(): void {
    if (this.#log === undefined) return;
    const log = this.#log;
    this.#log = undefined;
    closeSync(log);
  }
}

/** Removes the contents of a layer's staging directory, if it still exists, except the log: `readLog` reads it. */
async function dropAllButLog(directory: StorePath): Promise<void> {
  const entries = await readdir(directory).catch(() => []);
  for (const entry of entries) {
    if (entry !== "log") await rm(join(directory, entry), { recursive: true, force: true });
  }
}
