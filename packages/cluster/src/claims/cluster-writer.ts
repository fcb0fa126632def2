import {
  type Layer,
  type LayerId,
  type LayerImport,
  type LayerStep,
  type LayerWriter,
  ObError,
} from "@ob/core";
import type { LogWriter } from "../logs/log-writer.ts";

export interface ClusterWriterOptions {
  readonly local: LayerWriter;
  readonly log: LogWriter;
  /** Makes the parent's version of the cluster be in the store. */
  readonly fetch: (id: LayerId, signal?: AbortSignal) => Promise<void>;
  /** Says that the layer is made. @returns false if the claim was lost. */
  readonly announce: (parent: LayerId | undefined) => Promise<boolean>;
  /** Called when the writer is disposed of. */
  readonly onClose: () => void;
  /** Removes a layer from the store. */
  readonly drop: (id: LayerId) => Promise<void>;
}

/** The right to make a layer, in the store of the worker and among all workers. */
export class ClusterWriter implements LayerWriter {
  readonly id: LayerId;
  readonly #options: ClusterWriterOptions;
  #parent: LayerId | undefined;
  #refused = false;

  constructor(options: ClusterWriterOptions) {
    this.#options = options;
    this.id = options.local.id;
  }

  async importBase(name: string, signal?: AbortSignal): Promise<void> {
    await this.#options.local.importBase(name, signal);
  }

  async createDisk(parent: LayerId, signal?: AbortSignal): Promise<string> {
    await this.#options.fetch(parent, signal);
    this.#parent = parent;
    return await this.#options.local.createDisk(parent, signal);
  }

  async importLayer(layer: LayerImport, signal?: AbortSignal): Promise<void> {
    await this.#options.fetch(layer.parent, signal);
    this.#parent = layer.parent;
    await this.#options.local.importLayer(layer, signal);
  }

  appendLog(bytes: Uint8Array): void {
    this.#options.local.appendLog(bytes);
    this.#options.log.write(bytes);
  }

  /** @throws ObError also `LAYER_BUSY` if another worker has the claim: the layer is dropped. */
  async commit(step?: LayerStep): Promise<Layer> {
    const layer = await this.#options.local.commit(step);
    if (await this.#options.announce(this.#parent)) return layer;
    this.#refused = true;
    throw lostClaim(this.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#options.local[Symbol.asyncDispose]();
    } finally {
      this.#options.onClose();
    }
    if (!this.#refused) return;
    this.#refused = false;
    await this.#options.drop(this.id);
  }
}

/** The error of a step whose layer another worker makes now. */
export function lostClaim(id: LayerId): ObError {
  return new ObError(
    "LAYER_BUSY",
    `This worker has lost its claim on the layer ${id}: another one makes it.`,
    {
      hint: "It was without a connection to Redis, or stopped, for longer than a claim lives.",
    },
  );
}
