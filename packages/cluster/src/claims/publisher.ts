import { setTimeout as sleep } from "node:timers/promises";
import { type Emit, errorMessage, isObError, type LayerId, type Store } from "@ob/core";
import type { LayerStates } from "../redis/layer-states.ts";
import type { ClaimKeeper } from "./claim-keeper.ts";
import type { LayerTransport } from "./layer-transport.ts";

export interface PublisherOptions {
  readonly store: Store;
  readonly states: LayerStates;
  readonly keeper: ClaimKeeper;
  readonly transport: LayerTransport;
  readonly emit: Emit;
}

/** A layer that this worker has made and whose claim it has. */
export interface MadeLayer {
  readonly id: LayerId;
  readonly owner: string;
  /** What it is based on. */
  readonly parent: LayerId | undefined;
}

/** How long to wait before a push is tried again, in milliseconds: doubled up to a minute. */
const firstDelay = 500;
const longestDelay = 60_000;

/**
 * Pushes what this worker has made, in the background, each layer after the one that it is based on. Until then only this
 * worker can build on it, and keeps its claim. A layer whose claim was lost meanwhile is deleted: others use another
 * version of it.
 */
export class Publisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #closing = new AbortController();
  /** The last of each layer: one that was deleted and made again is published twice. */
  readonly #pending = new Map<LayerId, Promise<boolean>>();
  readonly #running = new Set<Promise<boolean>>();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** True for a layer that is made, not yet published, and still this worker's to publish. */
  isPending(id: LayerId): boolean {
    return this.#pending.has(id);
  }

  /** Begins to publish a layer. */
  add(made: MadeLayer): void {
    const parent = made.parent === undefined ? undefined : this.#pending.get(made.parent);
    const published = this.#publish(made, parent ?? Promise.resolve(true)).finally(() => {
      this.#running.delete(published);
      if (this.#pending.get(made.id) === published) this.#pending.delete(made.id);
    });
    this.#running.add(published);
    this.#pending.set(made.id, published);
  }

  /** Resolves when nothing is left to push. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Gives up what is not yet pushed: others make it again. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.idle();
  }

  /** @returns false if the layer is lost. Never rejects. */
  async #publish(made: MadeLayer, parent: Promise<boolean>): Promise<boolean> {
    const { states, keeper, emit } = this.#options;
    const { id, owner } = made;
    const lost = new AbortController();
    const onLost = () => lost.abort();
    using kept = keeper.keep({ id, owner, onLost });
    void kept;
    const signal = AbortSignal.any([this.#closing.signal, lost.signal]);
    if ((await parent) && (await this.#push(made, signal))) return true;
    const text = `The layer ${id} of this worker is dropped: it could not be published.`;
    emit({ type: "log", level: "warning", text });
    await states.release(id, owner).catch(() => undefined);
    await this.#drop(id);
    return false;
  }

  /** Pushes until it succeeds or the layer is lost. */
  async #push({ id, owner }: MadeLayer, signal: AbortSignal): Promise<boolean> {
    const { states, transport, emit } = this.#options;
    for (let delay = firstDelay; !signal.aborted; delay = Math.min(2 * delay, longestDelay)) {
      try {
        const pushed = await transport.publish(id, signal);
        return (await states.publish(id, owner, pushed)) === "published";
      } catch (error) {
        if (signal.aborted || isObError(error, "NO_SUCH_LAYER")) return false;
        const text = `The layer ${id} could not be pushed yet: ${errorMessage(error)}`;
        emit({ type: "log", level: "warning", text });
        await sleep(delay, undefined, { signal }).catch(() => undefined);
      }
    }
    return false;
  }

  async #drop(id: LayerId): Promise<void> {
    // While a step uses it, it stays: as it has no digest it is never taken for the version that others use.
    await this.#options.store.delete(id).catch(() => undefined);
  }
}
