import { type LayerId, toStoreError } from "@ob/core";
import type { StoreContext } from "../context.ts";

/** How long uses are collected, in milliseconds: a crash loses as much, and `prune` counts days. */
const collected = 200;

/**
 * Uses of layers on their way to the database: a build that is all cache has one for each step, and they are recorded
 * in one transaction.
 */
export class LastUsedRecorder {
  readonly #context: StoreContext;
  readonly #waiting = new Set<LayerId>();
  #timer: NodeJS.Timeout | undefined;

  constructor(context: StoreContext) {
    this.#context = context;
  }

  add(id: LayerId): void {
    this.#waiting.add(id);
    this.#timer ??= setTimeout(() => this.record(), collected).unref();
  }

  /** Records what has been collected. A failure is told, and is no reason to end a build that only reuses layers. */
  record(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiting.size === 0) return;
    const ids = [...this.#waiting];
    this.#waiting.clear();
    const { database, emit } = this.#context;
    try {
      database.recordUse(ids);
    } catch (error) {
      const { message } = toStoreError(error, "record the use of layers");
      emit({ type: "log", level: "warning", text: message });
    }
  }
}
