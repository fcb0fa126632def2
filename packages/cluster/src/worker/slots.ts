/**
 * The slots of a worker. Its queues share them: BullMQ counts for each queue by itself, and would build as many chains for
 * each pool at a time.
 */
export class Slots {
  readonly #count: number;
  readonly #waiting: (() => void)[] = [];
  #used = 0;

  /** @param count how many chains are built at a time, at least 1. */
  constructor(count: number) {
    this.#count = Math.max(1, count);
  }

  /** Resolves when a slot is free, in the order of the calls. Disposing of it frees the slot. */
  async take(): Promise<Disposable> {
    if (this.#used < this.#count) this.#used++;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    let isFree = false;
    return {
      [Symbol.dispose]: () => {
        if (isFree) return;
        isFree = true;
        const next = this.#waiting.shift();
        // The next one has the slot from now on.
        if (next) next();
        else this.#used--;
      },
    };
  }

  /** How many are free. */
  get free(): number {
    return this.#count - this.#used;
  }
}
