import { type FileHandle, open } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** What a template must know of a qcow2 disk (docs/interop/qcow2.txt of QEMU). */
export interface DiskHeader {
  /** As the guest sees it, in bytes. */
  readonly virtualSize: number;
  /** The backing file as it stands in the header, and its absolute path. */
  readonly backing: { readonly text: string; readonly path: string } | undefined;
  /** True if the disk holds nothing of its own: it shows its backing file. */
  readonly fresh: boolean;
}

const magic = 0x51_46_49_fb;
const headerLength = 72;
/** A table longer than this belongs to a disk of petabytes. */
const maxTableLength = 1 << 20;

/** @returns undefined for what is no qcow2 disk. Rejects with Node's own error if it cannot be read. */
export async function readDiskHeader(path: string): Promise<DiskHeader | undefined> {
  await using file = await open(path);
  const header = await readAt(file, 0, headerLength);
  if (header.length < headerLength || header.readUInt32BE(0) !== magic) return undefined;
  const name = { offset: Number(header.readBigUInt64BE(8)), length: header.readUInt32BE(16) };
  const table = { offset: Number(header.readBigUInt64BE(40)), length: header.readUInt32BE(36) * 8 };
  const snapshots = header.readUInt32BE(60);
  const text = name.length === 0 ? undefined : (await readAt(file, name.offset, name.length)).toString();
  return {
    virtualSize: Number(header.readBigUInt64BE(24)),
    backing: text === undefined ? undefined : { text, path: resolve(dirname(path), text) },
    fresh: snapshots === 0 && table.length <= maxTableLength && (await isZero(file, table)),
  };
}

async function isZero(file: FileHandle, at: { offset: number; length: number }): Promise<boolean> {
  const bytes = await readAt(file, at.offset, at.length);
  return bytes.length === at.length && bytes.every((byte) => byte === 0);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}
