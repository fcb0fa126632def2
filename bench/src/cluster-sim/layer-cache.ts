/** What a worker has on its disk, by size: what was used longest ago makes room. */
export class LayerCache {
  readonly #capacity: number;
  readonly #sizes = new Map<number, number>();
  #used = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get used(): number {
    return this.#used;
  }

  /** @returns whether it is there; then it was used now. */
  use(id: number): boolean {
    const size = this.#sizes.get(id);
    if (size === undefined) return false;
    this.#sizes.delete(id);
    this.#sizes.set(id, size);
    return true;
  }

  add(id: number, size: number): void {
    if (this.use(id)) return;
    this.#sizes.set(id, size);
    this.#used += size;
    for (const [oldest, oldestSize] of this.#sizes) {
      if (this.#used <= this.#capacity || oldest === id) break;
      this.#sizes.delete(oldest);
      this.#used -= oldestSize;
    }
  }
}
