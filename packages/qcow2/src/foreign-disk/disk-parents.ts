import type { DiskFormat } from "./disk-formats.ts";
import { isDamaged, isEncrypted, maxVirtualSize, namesOthers, quoted } from "./disk-problems.ts";
import type { DiskReader } from "./disk-reader.ts";
import { inspectOpenQcow2, refuseBacking } from "./standalone-qcow2.ts";
import { refuseExtents } from "./vmdk.ts";

/**
 * Refuses a disk that names another file.
 *
 * @throws ObError `BASE_IMAGE`
 */
export async function refuseParents(
  disk: DiskReader,
  { format, head }: { readonly format: DiskFormat; readonly head: Buffer },
): Promise<void> {
  const { path } = disk;
  if (head.length < (minHeaderLength[format] ?? 0)) throw isDamaged(path, "it ends in its header");
  switch (format) {
    case "qcow2":
      await inspectOpenQcow2(disk);
      return;
    case "qcow":
      await refuseBacking(disk, head);
      if (head.readUInt32BE(36) !== 0) throw isEncrypted(path);
      return;
    case "qed":
      return refuseQedBacking(path, head);
    case "vmdk":
      return await refuseExtents(disk, head);
    case "vdi":
      return refuseVdiParent(path, head);
    case "vhdx":
      return await refuseVhdxParent(disk);
    case "vpc":
      return refuseVhdParent(path, head);
    case "luks":
      throw isEncrypted(path);
    // These formats cannot name another file.
    case "bochs":
    case "cloop":
    case "dmg":
    case "parallels":
    case "raw":
  }
}

/** The minimum length of the headers that are read below, in bytes. */
const minHeaderLength: Partial<Record<DiskFormat, number>> = {
  qcow: 48,
  qed: 64,
  vmdk: 512,
  vdi: 512,
  vpc: 512,
};

function refuseQedBacking(path: string, head: Buffer): void {
  const hasBacking = (head.readBigUInt64LE(16) & 1n) !== 0n;
  if (!hasBacking) return;
  const offset = head.readUInt32LE(56);
  throw namesOthers(
    path,
    `has a backing file ${quoted(head.subarray(offset, offset + head.readUInt32LE(60)))}`,
  );
}

function refuseVdiParent(path: string, head: Buffer): void {
  const kind = head.readUInt32LE(0x4c);
  const parents = head.subarray(0x1a8, 0x1c8);
  // 1 grows and 2 does not; others are the difference from another disk.
  if ((kind === 1 || kind === 2) && parents.every((byte) => byte === 0)) return;
  throw namesOthers(path, "is what a VDI disk differs by from another");
}

function refuseVhdParent(path: string, head: Buffer): void {
  const differencing = 4;
  if (head.readUInt32BE(60) === differencing) {
    throw namesOthers(path, "is what a VHD disk differs by from another");
  }
}

/* From [MS-VHDX]: the region tables, the kinds of their entries, and the item that says that there is a parent. */
const regionTables = [192 << 10, 256 << 10];
const metadataRegion = Buffer.from("06a27c8b90479a4bb8fe575f050f886e", "hex");
const fileParameters = Buffer.from("3767a1ca36fa434db3b633f0aa44e76b", "hex");
const parentLocator = Buffer.from("2d5fd3a80bb34d45abf7d3d84834ab0c", "hex");
const tableBytes = 1 << 16;
const hasParent = 2;

async function refuseVhdxParent(disk: DiskReader): Promise<void> {
  for (const at of regionTables) {
    const regions = await disk.read(at, tableBytes);
    const region = regions.indexOf(metadataRegion);
    if (region === -1 || region + 24 > regions.length) continue;
    const start = Number(regions.readBigUInt64LE(region + 16));
    if (start > (disk.size ?? maxVirtualSize))
      throw isDamaged(disk.path, "it has tables that do not fit in it");
    const metadata = await disk.read(start, tableBytes);
    const item = metadata.indexOf(fileParameters);
    const parameters =
      item === -1 || item + 20 > metadata.length
        ? Buffer.alloc(0)
        : await disk.read(start + metadata.readUInt32LE(item + 16), 8);
    const flagged = parameters.length === 8 && (parameters.readUInt32LE(4) & hasParent) !== 0;
    if (flagged || metadata.includes(parentLocator)) {
      throw namesOthers(disk.path, "is what a VHDX disk differs by from another");
    }
  }
}
