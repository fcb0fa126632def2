/** How much is kept, in characters. */
const maxHeld = 65_536;

/** The last lines of a step's output that cannot be shown yet. */
export class HeldLines {
  #lines: string[] = [];
  #length = 0;
  #dropped = 0;

  add(lines: readonly string[]): void {
    for (const line of lines) {
      this.#lines.push(line);
      this.#length += line.length + 1;
    }
    if (this.#length > 2 * maxHeld) this.#shorten();
  }

  /** Removes and returns the lines, with a line for those that were dropped. */
  take(): readonly string[] {
    const dropped = this.#dropped === 0 ? [] : [`… ${this.#dropped} more lines are in the log`];
    const lines = [...dropped, ...this.#lines];
    this.#lines = [];
    this.#length = 0;
    this.#dropped = 0;
    return lines;
  }

  #shorten(): void {
    let first = 0;
    for (; this.#length > maxHeld; first++) this.#length -= (this.#lines[first]?.length ?? 0) + 1;
    this.#lines = this.#lines.slice(first);
    this.#dropped += first;
  }
}
