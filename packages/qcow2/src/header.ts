import { type FileHandle, open } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";

/** What is needed of a qcow2 file's header (docs/interop/qcow2.txt of QEMU). */
export interface QcowHeader {
  /** The disk's size as the guest sees it, in bytes. */
  readonly virtualSize: number;
  /** The backing file as written in the header, or undefined. */
  readonly backing: string | undefined;
  /** True if the data lie in another file. */
  readonly externalData: boolean;
}

const magic = 0x51_46_49_fb;
const headerLength = 80;
const minHeaderLength = 72;
const maxBackingLength = 1023;
const externalDataBit = 4n;
/** A longer table belongs to a disk of petabytes. In bytes. */
const maxTableLength = 1 << 20;

/** A part of a file; shorter where the file ends. */
export type ReadAt = (place: { readonly offset: number; readonly length: number }) => Promise<Buffer>;

/**
 * Reads the header of a qcow2 file. Reading it here rather than with `qemu-img info` makes walking a chain of
 * backing files a matter of microseconds.
 *
 * @returns undefined if the file is not a qcow2 file. Rejects with Node's own error if it cannot be read.
 */
export async function readQcowHeader(path: string): Promise<QcowHeader | undefined> {
  await using file = await open(path, "r");
  return await qcowHeaderIn(readerOf(file));
}

/** As `readQcowHeader`. */
export async function qcowHeaderIn(read: ReadAt): Promise<QcowHeader | undefined> {
  const header = await readHeader(read);
  if (!header) return undefined;
  const version = header.readUInt32BE(4);
  const name = { offset: Number(header.readBigUInt64BE(8)), length: header.readUInt32BE(16) };
  const features = version >= 3 && header.length >= headerLength ? header.readBigUInt64BE(72) : 0n;
  const hasBacking = name.offset !== 0 && name.length !== 0 && name.length <= maxBackingLength;
  return {
    virtualSize: Number(header.readBigUInt64BE(24)),
    backing: hasBacking ? (await readIfInFile(read, name)).toString("utf8") : undefined,
    externalData: (features & externalDataBit) !== 0n,
  };
}

/**
 * True if a qcow2 disk has no data and no snapshot of its own: it shows its backing file, or zeros. False also for what is
 * not a qcow2 file. Rejects with Node's own error if it cannot be read.
 */
export async function isEmptyDisk(path: string): Promise<boolean> {
  await using file = await open(path, "r");
  return await isEmptyDiskIn(readerOf(file));
}

/** As `isEmptyDisk`. */
export async function isEmptyDiskIn(read: ReadAt): Promise<boolean> {
  const header = await readHeader(read);
  if (!header) return false;
  const table = { offset: Number(header.readBigUInt64BE(40)), length: header.readUInt32BE(36) * 8 };
  const snapshots = header.readUInt32BE(60);
  if (snapshots > 0 || table.length > maxTableLength) return false;
  const entries = await readIfInFile(read, table);
  return entries.length === table.length && entries.every((byte) => byte === 0);
}

/** The absolute path of a backing file: a relative one starts at the directory of the file that names it. */
export function resolveBacking(file: string, backing: string): string {
  return isAbsolute(backing) ? backing : join(dirname(file), backing);
}

async function readHeader(read: ReadAt): Promise<Buffer | undefined> {
  const header = await read({ offset: 0, length: headerLength });
  return header.length >= minHeaderLength && header.readUInt32BE(0) === magic ? header : undefined;
}

/** There is nothing at a place that no file reaches, and Node refuses to read there. */
async function readIfInFile(read: ReadAt, place: Parameters<ReadAt>[0]): Promise<Buffer> {
  return Number.isSafeInteger(place.offset) ? await read(place) : Buffer.alloc(0);
}

function readerOf(file: FileHandle): ReadAt {
  return async ({ offset, length }) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
    return buffer.subarray(0, bytesRead);
  };
}
