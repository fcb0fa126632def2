import { setImmediate as otherWork } from "node:timers/promises";
import type { ArchiveEntry } from "./reader/read-tar.ts";
import { piecesInOneGo, type SparseMap } from "./reader/sparse-map.ts";
import { blockBytes } from "./reader/tar-fields.ts";
import type { TarHeader } from "./tar-header.ts";

/** The records of a pax header for a sparse file, version 1.0 of GNU tar, and the map that comes before its data. */
export async function sparseFile(
  map: SparseMap,
  name: string,
): Promise<{ readonly records: TarHeader["extended"]; readonly mapBlock: Buffer }> {
  const { realSize, pieces } = map;
  // GNU tar takes the end of the last piece for that of the file.
  const all = [...pieces.filter(({ size }) => size > 0), { offset: realSize, size: 0 }];
  const texts = [Buffer.from(`${all.length}\n`)];
  for (let at = 0; at < all.length; at += piecesInOneGo) {
    const some = all.slice(at, at + piecesInOneGo);
    texts.push(Buffer.from(some.map(({ offset, size }) => `${offset}\n${size}\n`).join("")));
    if (at > 0) await otherWork();
  }
  const text = Buffer.concat(texts);
  const records = new Map([
    ["GNU.sparse.major", "1"],
    ["GNU.sparse.minor", "0"],
    ["GNU.sparse.name", name],
    ["GNU.sparse.realsize", String(realSize)],
  ]);
  return { records, mapBlock: Buffer.concat([text, Buffer.alloc(-text.length & (blockBytes - 1))]) };
}

/** The size of zeros that are written at once, in bytes. */
const zeroBytes = 1 << 16;

/** The contents of a sparse file with its holes. */
export async function* filledFile(
  { realSize, pieces }: SparseMap,
  data: ArchiveEntry["body"],
): AsyncGenerator<Uint8Array> {
  const zeros = Buffer.alloc(zeroBytes);
  const chunks = data[Symbol.asyncIterator]();
  let held: Uint8Array = Buffer.alloc(0);
  let at = 0;
  for (const { offset, size } of [...pieces, { offset: realSize, size: 0 }]) {
    for (; at < offset; at += zeroBytes) yield zeros.subarray(0, offset - at);
    for (let missing = size; missing > 0;) {
      if (held.length === 0) {
        const { done, value } = await chunks.next();
        if (done === true) throw new TypeError("the data is shorter than its map");
        held = value;
      }
      const piece = held.subarray(0, missing);
      held = held.subarray(piece.length);
      missing -= piece.length;
      yield piece;
    }
    at = offset + size;
  }
}
