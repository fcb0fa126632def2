import { brokenArchive } from "./broken-archive.ts";

/** The unit of a tar archive, in bytes. */
export const blockBytes = 512;

/** The types of entries that can be copied, by their type flags. */
const types = {
  "\0": "file",
  "0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "character-device",
  "4": "block-device",
  "5": "directory",
  "6": "fifo",
} as const;

export type EntryType = (typeof types)[keyof typeof types];

/** The fields of one header block. Names are bytes, without the NUL at their end. */
export interface TarFields {
  readonly flag: string;
  readonly name: Buffer;
  readonly linkname: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  readonly uname: Buffer;
  readonly gname: Buffer;
  readonly devmajor: number;
  readonly devminor: number;
}

/** The type of an entry; undefined if it has none that can be copied. */
export function typeOf(flag: string): EntryType | undefined {
  return Object.entries(types).find(([key]) => key === flag)?.[1];
}

/** @throws ObError `BAD_SOURCE` if the block is not a header. */
export function decodeFields(block: Buffer): TarFields {
  if (block.subarray(257, 262).toString("latin1") !== "ustar")
    throw brokenArchive("it has an unknown format");
  if (checksum(block) !== numberIn(block.subarray(148, 156))) throw brokenArchive("a header is damaged");
  const isUstar = block[262] === 0;
  const prefix = isUstar ? textAt(block, 345, 155) : Buffer.alloc(0);
  const name = textAt(block, 0, 100);
  return {
    flag: String.fromCharCode(block[156] ?? 0),
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from("/"), name]),
    linkname: textAt(block, 157, 100),
    mode: numberIn(block.subarray(100, 108)),
    uid: numberIn(block.subarray(108, 116)),
    gid: numberIn(block.subarray(116, 124)),
    size: numberIn(block.subarray(124, 136)),
    mtime: numberIn(block.subarray(136, 148), { signed: true }),
    uname: textAt(block, 265, 32),
    gname: textAt(block, 297, 32),
    devmajor: numberIn(block.subarray(329, 337)),
    devminor: numberIn(block.subarray(337, 345)),
  };
}

/** The sum of the bytes of a header, where its own field counts as blanks. */
function checksum(block: Buffer): number {
  return block.reduce((sum, byte, at) => sum + (at >= 148 && at < 156 ? 32 : byte), 0);
}

function textAt(block: Buffer, at: number, length: number): Buffer {
  const field = block.subarray(at, at + length);
  const end = field.indexOf(0);
  return end < 0 ? field : field.subarray(0, end);
}

/** A number in octal digits, or in base 256. @throws ObError `BAD_SOURCE` if it is not one, or too great to be exact. */
export function numberIn(field: Buffer, { signed = false } = {}): number {
  const [first = 0] = field;
  const value = first < 0x80 ? octal(field) : base256(field);
  if (!Number.isSafeInteger(value) || (value < 0 && !signed))
    throw brokenArchive("a header has a wrong number");
  return value;
}

function octal(field: Buffer): number {
  const digits = /^[\0 ]*([0-7]*)[\0 ]*$/.exec(field.toString("latin1"))?.[1];
  return digits === undefined ? NaN : Number(`0o${digits || "0"}`);
}

/** Its first bit only says so; the next one is the sign. */
function base256(field: Buffer): number {
  const [first = 0, ...rest] = field;
  const start = first >= 0xc0 ? first - 0x100 : first & 0x3f;
  return rest.reduce((sum, byte) => sum * 256 + byte, start);
}
