/** Looks for a line in a text that comes in pieces, each of which is searched once. */
export class LineWatch {
  readonly #line: string;
  /** The last characters, which may be the start of the line. */
  #border = "\n";
  #seen = false;

  /** @param line without a line feed. */
  constructor(line: string) {
    this.#line = line;
  }

  /** True once the whole line, with its line feed, was in the text. */
  get seen(): boolean {
    return this.#seen;
  }

  add(piece: string): void {
    if (this.#seen) return;
    const searched = this.#border + piece;
    this.#seen = searched.includes(`\n${this.#line}\n`);
    this.#border = searched.slice(-this.#line.length - 1);
  }
}
