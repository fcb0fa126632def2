import { fromBytes } from "@ob/spec";
import { brokenArchive } from "./broken-archive.ts";
import { type ByteReader, byteReader } from "./byte-reader.ts";
import { type PaxRecord, paxRecords } from "./pax-records.ts";
import { checkedMap, oldSparseMap, paxSparse, type SparseMap, sparseMapInBody } from "./sparse-map.ts";
import { blockBytes, decodeFields, type EntryType, type TarFields, typeOf } from "./tar-fields.ts";
import { type Xattrs, xattrsIn } from "./xattr-records.ts";

/** An entry of an archive. Texts are in the form of `fromBytes`. */
export interface ArchiveEntry {
  /** Undefined if it has none that can be copied. */
  readonly type: EntryType | undefined;
  readonly name: string;
  /** Of a link of either kind; else empty. */
  readonly linkname: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly uname: string;
  readonly gname: string;
  /** Seconds since 1970; negative before. */
  readonly mtime: number;
  readonly devmajor: number;
  readonly devminor: number;
  readonly xattrs: Xattrs;
  /** Set for a sparse file: `body` is the data of its pieces. */
  readonly sparse: SparseMap | undefined;
  /** The size of `body`, in bytes. */
  readonly size: number;
  /** What is not read of it is skipped. Can be read once, until the next entry is asked for. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** The greatest extended header or long name, in bytes. All the attributes of a file are less. */
const maxHeaderBytes = 1 << 20;
/** No system opens a file by a longer path, in bytes. */
const maxPathBytes = 1 << 16;
/** The most that tar fills up its last record with, in bytes. */
const maxPadding = 1 << 22;

/**
 * The entries of a tar archive in the ustar, pax or GNU format. Nothing is kept in memory but an entry's header. Checks
 * the form only: names may lead anywhere.
 *
 * @throws ObError `BAD_SOURCE` if it is broken; the archive's own error.
 */
export async function* readTar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const iterator = archive[Symbol.asyncIterator]();
  const reader = byteReader(iterator);
  try {
    for (;;) {
      const headers = await readHeaders(reader);
      if (!headers) break;
      const { entry, skip } = await entryOf(headers, reader);
      yield entry;
      await skip();
    }
    await readPadding(reader);
  } finally {
    await iterator.return?.();
  }
}

/** All the headers of one entry. */
interface Headers {
  readonly block: Buffer;
  readonly fields: TarFields;
  readonly records: readonly PaxRecord[];
  readonly longName: Buffer | undefined;
  readonly longLink: Buffer | undefined;
}

/** Undefined at the end of the archive. */
async function readHeaders(reader: ByteReader): Promise<Headers | undefined> {
  const before = new Map<string, Buffer>();
  for (;;) {
    const block = await reader.take(blockBytes);
    if (!block) throw brokenArchive("it ends early");
    if (isZero(block)) {
      if (before.size > 0) throw brokenArchive("an extended header has no entry");
      return undefined;
    }
    const fields = decodeFields(block);
    const { flag, size } = fields;
    if (!"xgLK".includes(flag)) {
      const [pax, longName, longLink] = [before.get("x"), before.get("L"), before.get("K")];
      return { block, fields, records: pax ? paxRecords(pax) : [], longName, longLink };
    }
    if (size > maxHeaderBytes) throw brokenArchive("an extended header is too large");
    if (before.has(flag)) throw brokenArchive("an entry has two extended headers of a kind");
    const body = await reader.take(padded(size));
    if (!body) throw brokenArchive("it ends early");
    // Nothing that a global header can say is needed, and no tar of a guest writes one.
    before.set(flag, body.subarray(0, size));
  }
}

async function entryOf(
  headers: Headers,
  reader: ByteReader,
): Promise<{ readonly entry: ArchiveEntry; readonly skip: () => Promise<void> }> {
  const { fields, records } = headers;
  const { mode, devmajor, devminor } = fields;
  const last = (key: string): Buffer | undefined => records.findLast((each) => each.key === key)?.value;
  const id = (key: string, plain: number): number => numberIn(last(key)) ?? plain;
  const name = last("GNU.sparse.name") ?? last("path") ?? untilNul(headers.longName) ?? fields.name;
  const type = fields.flag <= "0" && name.at(-1) === slash ? "directory" : typeOf(fields.flag);
  const isLink = type === "link" || type === "symlink";
  const linkname = isLink ? (last("linkpath") ?? untilNul(headers.longLink) ?? fields.linkname) : undefined;
  const size = numberIn(last("size")) ?? fields.size;
  if (type !== "file" && size !== 0) throw brokenArchive("an entry that is not a file has contents");
  const { sparse, mapBytes } = await sparseOf(headers, { reader, type, size });
  const { body, skip } = bodyOf(reader, size - mapBytes);
  const entry: ArchiveEntry = {
    ...{ type, name: textOf(name), linkname: linkname ? textOf(linkname) : "", mode: mode & 0o7777 },
    mtime: secondsIn(last("mtime")) ?? fields.mtime,
    ...{ uid: id("uid", fields.uid), gid: id("gid", fields.gid), devmajor, devminor },
    uname: fromBytes(last("uname") ?? fields.uname),
    gname: fromBytes(last("gname") ?? fields.gname),
    ...{ xattrs: xattrsIn(records), sparse, size: size - mapBytes, body },
  };
  if (entry.name === "" || (isLink && entry.linkname === "")) throw brokenArchive("an entry has no name");
  return { entry, skip };
}

async function sparseOf(
  { block, fields, records }: Headers,
  { reader, type, size }: { reader: ByteReader; type: EntryType | undefined; size: number },
): Promise<{ readonly sparse: SparseMap | undefined; readonly mapBytes: number }> {
  if (fields.flag === "S") return { sparse: await oldSparseMap(block, reader, size), mapBytes: 0 };
  const found = type === "file" ? paxSparse(records) : undefined;
  if (!found) return { sparse: undefined, mapBytes: 0 };
  const { realSize } = found;
  if (found.kind === "in-header")
    return { sparse: await checkedMap(found.numbers, { realSize, size }), mapBytes: 0 };
  const { map, bytes } = await sparseMapInBody(reader, { realSize, size });
  return { sparse: map, mapBytes: bytes };
}

/** The body of an entry, and how to continue after it. */
function bodyOf(
  reader: ByteReader,
  size: number,
): { readonly body: AsyncIterable<Uint8Array>; readonly skip: () => Promise<void> } {
  let missing = size;
  async function* rest(): AsyncGenerator<Uint8Array> {
    for await (const piece of reader.stream(missing)) {
      missing -= piece.length;
      yield piece;
    }
  }
  return {
    body: rest(),
    skip: async () => {
      for await (const piece of reader.stream(missing + (padded(size) - size))) void piece;
    },
  };
}

/** tar ends an archive with two blocks of zeros, and fills up its last record. */
async function readPadding(reader: ByteReader): Promise<void> {
  for (let bytes = blockBytes; ; bytes += blockBytes) {
    const block = await reader.take(blockBytes);
    if (!block && bytes < 2 * blockBytes) throw brokenArchive("it ends early");
    if (!block) return;
    if (!isZero(block) || bytes > maxPadding) throw brokenArchive("it continues after its end");
  }
}

const slash = 0x2f;

function textOf(name: Buffer): string {
  if (name.length > maxPathBytes) throw brokenArchive("a name is too long");
  if (name.includes(0)) throw brokenArchive("a name has a NUL byte");
  return fromBytes(name);
}

function untilNul(name: Buffer | undefined): Buffer | undefined {
  const end = name?.indexOf(0) ?? -1;
  return end < 0 ? name : name?.subarray(0, end);
}

/** A time of a pax header, which can have a fraction, and be before 1970; in whole seconds. */
function secondsIn(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [text] = /^-?\d{1,16}(?:\.\d{0,20})?$/.exec(value.toString("latin1")) ?? [];
  const seconds = text === undefined ? NaN : Math.floor(Number(text));
  if (!Number.isSafeInteger(seconds)) throw brokenArchive("an extended header has a wrong time");
  return seconds;
}

/** A decimal number of a pax header. */
function numberIn(value: Buffer | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = /^\d{1,16}$/.test(value.toString("latin1")) ? Number(value.toString("latin1")) : NaN;
  if (!Number.isSafeInteger(number)) throw brokenArchive("an extended header has a wrong number");
  return number;
}

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
}

function isZero(block: Buffer): boolean {
  return block.every((byte) => byte === 0);
}
