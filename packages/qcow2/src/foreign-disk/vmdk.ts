import { namesOthers, quoted } from "./disk-problems.ts";
import type { DiskReader } from "./disk-reader.ts";

const sector = 512n;
/** Where QEMU looks for a parent's name, regardless of the header, and how many bytes. */
const parentAt = 0x200;
const parentBytes = 20 * 512;
const largestDescriptor = 1 << 20;

/**
 * Refuses a VMDK that has its data in other files, or is the difference from another.
 *
 * @throws ObError `BASE_IMAGE`
 */
export async function refuseExtents(disk: DiskReader, head: Buffer): Promise<void> {
  const { path } = disk;
  const isSparse = head.toString("latin1", 0, 4) === "KDMV";
  // Then QEMU treats the descriptor as a file of its own, which can name other files.
  if (isSparse && head.readBigUInt64LE(12) === 0n) {
    throw namesOthers(path, "is a VMDK that has its data in other files");
  }
  const texts = [await textAt(disk, parentAt, parentBytes)];
  if (isSparse) {
    const [offset, length] = [head.readBigUInt64LE(28) * sector, head.readBigUInt64LE(36) * sector];
    if (offset !== 0n && disk.size !== undefined && offset < BigInt(disk.size)) {
      texts.push(await textAt(disk, Number(offset), Math.min(Number(length), largestDescriptor)));
    }
  }
  for (const text of texts) refuseDescriptor(path, text);
}

function refuseDescriptor(path: string, text: string): void {
  // QEMU looks for this word anywhere, and takes what comes after it and one more character.
  const [, parent] = /parentFileNameHint[\s=:]*"?([^"\n\0]*)/i.exec(text) ?? [];
  if (parent !== undefined) throw namesOthers(path, `is a VMDK that depends on ${quoted(parent)}`);
  const [, parentId] = /^\s*parentCID\s*=\s*([0-9a-f]+)/im.exec(text) ?? [];
  if (parentId !== undefined && !/^f{8}$/i.test(parentId)) {
    throw namesOthers(path, "is what a VMDK disk differs by from another");
  }
  const extents = text.match(/^(?:RW|RDONLY|NOACCESS)\s+\d+\s+\w+/gim) ?? [];
  if (extents.length > 1) throw namesOthers(path, "is a VMDK that has its data in several files");
}

async function textAt(disk: DiskReader, at: number, bytes: number): Promise<string> {
  return (await disk.read(at, bytes)).toString("latin1");
}
