import { type LayerId, toStoreError } from "@ob/core";
import type { StoreContext } from "../context.ts";

/** How long uses are collected, in milliseconds. A crash loses those; `prune` counts in days. */
const collected = 200;

/**
 * Collects uses of layers and records them in one transaction: a build with all layers cached has one for each step.
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

  /** Records what has been collected. A failure is a warning: it must not end a build that only reuses layers. */
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
