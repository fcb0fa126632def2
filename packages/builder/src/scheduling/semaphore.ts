import { cancelledError, throwIfCancelled } from "@ob/core";

/** A counting semaphore; those that wait are served in order. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a slot, and waits for one if need be. @throws ObError `CANCELLED` if the signal fires. */
  async acquire(signal: AbortSignal): Promise<void> {
    throwIfCancelled(signal);
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(cancelledError(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting.add(resolve);
    try {
      await promise;
    } catch (error) {
      // It left the queue without a slot, or was given one at the moment of the cancel.
      if (!this.#waiting.delete(resolve)) this.release();
      throw error;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  release(): void {
    const [next] = this.#waiting;
    if (next) {
      this.#waiting.delete(next);
      next();
    } else {
      this.#free++;
    }
  }
}
