/** How much of the end of an output is kept, in bytes. */
const keptBytes = 8_192;
/** How many lines of it are shown, and how many characters of each. */
const shownLines = 10;
const shownWidth = 500;

/** The end of a step's output, for the report of its failure. */
export class OutputTail {
  #bytes: Uint8Array = new Uint8Array();

  push(bytes: Uint8Array): void {
    const last = bytes.subarray(-keptBytes);
    this.#bytes = Buffer.concat([this.#bytes, last]).subarray(-keptBytes);
  }

  /** The last lines that are not blank; bytes that are not UTF-8 become U+FFFD. */
  text(): string {
    const lines = Buffer.from(this.#bytes).toString("utf8").split(/\r?\n/);
    const full = this.#bytes.length === keptBytes && lines.length > 1 ? lines.slice(1) : lines;
    const shown = full.filter((line) => line.trim() !== "").slice(-shownLines);
    return shown.map((line) => line.slice(-shownWidth)).join("\n");
  }
}
