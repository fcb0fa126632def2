/**
 * The slots of a worker. Its queues share them: BullMQ counts for each queue by itself, and would build as many chains for
 * each pool at a time.
 */
export class Slots {
  readonly #count: number;
  readonly #onChange: () => void;
  #used = 0;

  /**
   * @param count how many chains are built at a time, at least 1.
   * @param onChange called when a slot was taken, or is free again.
   */
  constructor(count: number, onChange: () => void = () => undefined) {
    this.#count = Math.max(1, count);
    this.#onChange = onChange;
  }

  /** A slot; undefined if none is free. Disposing of it frees it. */
  take(): Disposable | undefined {
    if (this.free === 0) return undefined;
    this.#change(1);
    let isFree = false;
    return {
      [Symbol.dispose]: () => {
        if (isFree) return;
        isFree = true;
        this.#change(-1);
      },
    };
  }

  /** How many are free. */
  get free(): number {
    return this.#count - this.#used;
  }

  #change(by: number): void {
    this.#used += by;
    this.#onChange();
  }
}
