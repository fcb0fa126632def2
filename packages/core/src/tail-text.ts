/** The last part of a text that comes in pieces. Adding takes time in proportion to the piece, however short it is. */
export class TailText {
  readonly #length: number;
  #older = "";
  #newer = "";

  /** @param length how much is kept at least, in characters; at most twice as much and one piece are in memory. */
  constructor(length: number) {
    this.#length = length;
  }

  add(piece: string): void {
    this.#newer += piece;
    if (this.#newer.length < this.#length) return;
    this.#older = this.#newer.slice(-this.#length);
    this.#newer = "";
  }

  /** The last characters, as many as are kept. */
  get text(): string {
    return (this.#older + this.#newer).slice(-this.#length);
  }
}
