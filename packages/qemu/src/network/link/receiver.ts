import { advance, distance, type Segment } from "./tcp-segment.ts";

/** What of the guest's bytes has arrived, in order. */
export class Receiver {
  /** The number of the next byte. */
  next = 0;
  #pieces: Buffer[] = [];
  #length = 0;
  #hasEnded = false;

  /** How much has arrived that was not taken, in bytes. */
  get length(): number {
    return this.#length;
  }

  /** True if the guest sends no more. */
  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** True if something before the segment has not arrived. */
  misses({ sequence }: Segment): boolean {
    return distance(sequence, this.next) < 0;
  }

  /**
   * @param ends whether the segment ends what the guest sends. @param room for more, in bytes.
   * @returns true if the guest waits for an answer.
   */
  accept(
    { sequence, data }: Segment,
    { ends, room }: { readonly ends: boolean; readonly room: number },
  ): boolean {
    const known = distance(sequence, this.next);
    // A guest that asks whether there is room does so by what was acknowledged already.
    if (data.length === 0 && !ends) return known !== 0;
    if (known < 0) return false;
    if (this.#hasEnded) return true;
    const fresh = data.subarray(known, known + room);
    if (fresh.length > 0) {
      this.#pieces.push(fresh);
      this.#length += fresh.length;
      this.next = advance(this.next, fresh.length);
    }
    if (ends && advance(sequence, data.length) === this.next) {
      this.next = advance(this.next, 1);
      this.#hasEnded = true;
    }
    return true;
  }

  /** What has arrived since it was asked last. */
  take(): Buffer {
    const bytes = Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#length = 0;
    return bytes;
  }
}
