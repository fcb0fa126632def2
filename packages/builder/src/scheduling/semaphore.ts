import { cancelled, throwIfCancelled } from "@ob/core";

/** So many may be in at a time; who comes later waits, first come, first served. */
export class Semaphore {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(count: number) {
    this.#free = count;
  }

  /** Takes a place, and waits for one if need be. @throws ObError `CANCELLED` if the signal fires. */
  async acquire(signal: AbortSignal): Promise<void> {
    throwIfCancelled(signal);
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = () => reject(cancelled(signal));
    signal.addEventListener("abort", onAbort, { once: true });
    this.#waiting.add(resolve);
    try {
      await promise;
    } catch (error) {
      // Left the queue without a place, or was given one in the very moment of the cancel.
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
