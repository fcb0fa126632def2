import { brokenArchive } from "./broken-archive.ts";

/** Reads a stream of bytes in pieces of given lengths. */
export interface ByteReader {
  /**
   * The next bytes; undefined if the stream has ended before them.
   *
   * @throws ObError `BAD_SOURCE` if it ends within them.
   */
  take(length: number): Promise<Buffer | undefined>;
  /** The next bytes as they come. @throws ObError `BAD_SOURCE` if the stream ends before they are complete. */
  stream(length: number): AsyncGenerator<Uint8Array>;
}

/** At the end of its use the caller ends `iterator`. */
export function byteReader(iterator: AsyncIterator<Uint8Array>): ByteReader {
  let held: Uint8Array = Buffer.alloc(0);
  /** @returns false at the end of the stream. */
  const fill = async (): Promise<boolean> => {
    while (held.length === 0) {
      const { done, value } = await iterator.next();
      if (done === true) return false;
      held = value;
    }
    return true;
  };
  const shift = (length: number): Uint8Array => {
    const piece = held.subarray(0, length);
    held = held.subarray(length);
    return piece;
  };
  async function* stream(length: number): AsyncGenerator<Uint8Array> {
    for (let missing = length; missing > 0;) {
      if (!(await fill())) throw brokenArchive("it ends early");
      const piece = shift(missing);
      missing -= piece.length;
      yield piece;
    }
  }
  return {
    stream,
    take: async (length) => {
      if (!(await fill())) return undefined;
      if (held.length >= length) return Buffer.from(shift(length));
      const pieces: Uint8Array[] = [];
      for await (const piece of stream(length)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
  };
}
