/** Bytes that are kept until they have been acknowledged. */
export class SendQueue {
  readonly #chunks: Uint8Array[] = [];
  /** How much of the first chunk is gone. */
  #gone = 0;
  #length = 0;

  /** In bytes. */
  get length(): number {
    return this.#length;
  }

  add(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Removes bytes from the start. */
  drop(bytes: number): void {
    this.#length -= bytes;
    this.#gone += bytes;
    let whole = 0;
    for (const chunk of this.#chunks) {
      if (this.#gone < chunk.length) break;
      this.#gone -= chunk.length;
      whole += 1;
    }
    this.#chunks.splice(0, whole);
  }

  /** `length` bytes, the first of which is at `offset`, in pieces. */
  slice(offset: number, length: number): readonly Uint8Array[] {
    const pieces: Uint8Array[] = [];
    let skipped = offset + this.#gone;
    let wanted = length;
    for (const chunk of this.#chunks) {
      if (wanted === 0) break;
      if (skipped >= chunk.length) {
        skipped -= chunk.length;
        continue;
      }
      const piece = chunk.subarray(skipped, skipped + wanted);
      pieces.push(piece);
      wanted -= piece.length;
      skipped = 0;
    }
    return pieces;
  }
}
