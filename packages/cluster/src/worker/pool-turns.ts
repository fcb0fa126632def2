/** What of a BullMQ worker is needed here. */
export interface PoolWorker {
  /** Fetches no more jobs; those that run go on. */
  pause(doNotWaitActive: boolean): Promise<void>;
  resume(): Promise<void>;
}

export interface PoolTurnsOptions {
  /** How many slots are free now. */
  readonly free: () => number;
  /** How many chains wait in the queue of a pool. */
  readonly waiting: (pool: string) => Promise<number>;
}

/**
 * Which queues of a worker in several pools fetch jobs: none without a free slot, since what it fetched would wait for one
 * while another worker could build it. When a slot is free, the pools that have work come in turn.
 */
export class PoolTurns {
  readonly #options: PoolTurnsOptions;
  readonly #workers: (readonly [pool: string, worker: PoolWorker])[] = [];
  #settling: Promise<void> = Promise.resolve();

  constructor(options: PoolTurnsOptions) {
    this.#options = options;
  }

  add(pool: string, worker: PoolWorker): void {
    this.#workers.push([pool, worker]);
  }

  /** To be called when a slot was taken, or is free again. Resolves when the queues fetch accordingly. */
  async settle(): Promise<void> {
    // BullMQ itself fetches no more for one queue than there are slots.
    if (this.#workers.length < 2) return;
    this.#settling = this.#settling.then(async () => await this.#settle());
    await this.#settling;
  }

  async #settle(): Promise<void> {
    const fetching = this.#options.free() > 0 ? await this.#next() : [];
    for (const each of this.#workers) {
      const [, worker] = each;
      if (fetching.includes(each)) await worker.resume();
      else await worker.pause(true);
    }
  }

  /** One pool that has work, or all if none has: whichever gets some first is served. */
  async #next(): Promise<readonly (readonly [string, PoolWorker])[]> {
    for (let count = 0; count < this.#workers.length; count++) {
      const each = this.#workers.shift();
      if (!each) break;
      this.#workers.push(each);
      const [pool] = each;
      // Without an answer of Redis nothing is known, and nothing can be fetched.
      if ((await this.#options.waiting(pool).catch(() => 0)) > 0) return [each];
    }
    return this.#workers;
  }
}
