import { setImmediate as otherWork } from "node:timers/promises";
import { brokenArchive } from "./broken-archive.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { PaxRecord } from "./pax-records.ts";
import { blockBytes, numberIn } from "./tar-fields.ts";

/** Where the data of a sparse file is, in bytes. Everything else in it is zero. */
export interface SparseMap {
  /** The size of the file with its holes. */
  readonly realSize: number;
  /** In ascending order; they do not overlap. */
  readonly pieces: readonly SparsePiece[];
}

export interface SparsePiece {
  readonly offset: number;
  readonly size: number;
}

/** More pieces than any file system makes of a file that is worth it, so that the map stays small in memory. */
const maxPieces = 250_000;

/** How many pieces one turn of the event loop deals with. */
export const piecesInOneGo = 20_000;

/** What a pax header says of a sparse file. */
export type PaxSparse =
  | { readonly kind: "in-header"; readonly realSize: number; readonly numbers: readonly number[] }
  /** The map comes before the data (version 1.0). */
  | { readonly kind: "in-body"; readonly realSize: number };

/** Reads versions 0.0, 0.1 and 1.0. Undefined if the file is not sparse. @throws ObError `BAD_SOURCE`. */
export function paxSparse(records: readonly PaxRecord[]): PaxSparse | undefined {
  const found = records.filter(({ key }) => key.startsWith("GNU.sparse."));
  if (found.length === 0) return undefined;
  const last = (name: string): string | undefined =>
    found.findLast(({ key }) => key === `GNU.sparse.${name}`)?.value.toString("latin1");
  const realSize = decimal(last("realsize") ?? last("size") ?? "");
  const major = last("major");
  if (major !== undefined) {
    if (major !== "1" || last("minor") !== "0") throw wrongMap();
    return { kind: "in-body", realSize };
  }
  const map = last("map");
  const texts =
    map === undefined
      ? found
          .filter(({ key }) => key === "GNU.sparse.offset" || key === "GNU.sparse.numbytes")
          .map(({ value }) => value.toString("latin1"))
      : map.split(",").filter((text) => text !== "");
  return { kind: "in-header", realSize, numbers: texts.map(decimal) };
}

/** @returns the map, and how many bytes of the body it took. */
export async function sparseMapInBody(
  reader: ByteReader,
  { realSize, size }: { readonly realSize: number; readonly size: number },
): Promise<{ readonly map: SparseMap; readonly bytes: number }> {
  const numbers: number[] = [];
  let [text, bytes, wanted] = ["", 0, 1];
  while (numbers.length < wanted) {
    const block = bytes + blockBytes <= size ? await reader.take(blockBytes) : undefined;
    if (!block) throw wrongMap();
    bytes += blockBytes;
    const lines = (text + block.toString("latin1")).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) {
      if (numbers.length === wanted) break;
      numbers.push(decimal(line));
      const [count = 0] = numbers;
      if (count > maxPieces) throw tooManyPieces();
      wanted = 1 + 2 * count;
    }
    if (text.length > maxDigits && numbers.length < wanted) throw wrongMap();
  }
  return { map: await checkedMap(numbers.slice(1), { realSize, size: size - bytes }), bytes };
}

const [oldMapAt, oldExtendedAt, oldSizeAt, extensionEndAt] = [386, 482, 483, 504];
const oldPieceBytes = 24;

/** The map in an old GNU header (type `S`), and in the blocks after it, which it reads. */
export async function oldSparseMap(header: Buffer, reader: ByteReader, size: number): Promise<SparseMap> {
  const realSize = numberIn(header.subarray(oldSizeAt, oldSizeAt + 12));
  const numbers = piecesIn(header, oldMapAt, oldExtendedAt);
  for (let isExtended = header[oldExtendedAt] === 1; isExtended;) {
    const block = await reader.take(blockBytes);
    if (!block) throw wrongMap();
    numbers.push(...piecesIn(block, 0, extensionEndAt));
    if (numbers.length > 2 * maxPieces) throw tooManyPieces();
    isExtended = block[extensionEndAt] === 1;
  }
  return await checkedMap(numbers, { realSize, size });
}

function piecesIn(block: Buffer, start: number, end: number): number[] {
  const numbers: number[] = [];
  for (let at = start; at < end && block[at] !== 0; at += oldPieceBytes) {
    numbers.push(numberIn(block.subarray(at, at + 12)), numberIn(block.subarray(at + 12, at + 24)));
  }
  return numbers;
}

/**
 * @param numbers offset and size of each piece in turn.
 * @param options.size of the data that the archive has of it.
 * @throws ObError `BAD_SOURCE` if pieces overlap, lead out of the file, are not blocks, or are not all of the data.
 */
export async function checkedMap(
  numbers: readonly number[],
  { realSize, size }: { readonly realSize: number; readonly size: number },
): Promise<SparseMap> {
  if (numbers.length % 2 !== 0) throw wrongMap();
  if (numbers.length > 2 * maxPieces) throw tooManyPieces();
  const pieces: SparsePiece[] = [];
  let [end, total] = [0, 0];
  for (let at = 0; at < numbers.length; at += 2) {
    const [offset = 0, length = 0] = [numbers[at], numbers[at + 1]];
    if (pieces.length % piecesInOneGo === piecesInOneGo - 1) await otherWork();
    if (offset < end || offset + length > realSize) throw wrongMap();
    // The data of each piece starts a block: all tars agree on where it is only if those before it are whole blocks.
    if (length > 0 && total % blockBytes !== 0) throw wrongMap();
    end = offset + length;
    total += length;
    pieces.push({ offset, size: length });
  }
  if (total !== size) throw wrongMap();
  return { realSize, pieces };
}

const maxDigits = 16;

function decimal(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!Number.isSafeInteger(value)) throw wrongMap();
  return value;
}

function wrongMap(): Error {
  return brokenArchive("the map of a sparse file is wrong");
}

function tooManyPieces(): Error {
  return brokenArchive(`a sparse file has more than ${maxPieces} pieces`);
}
