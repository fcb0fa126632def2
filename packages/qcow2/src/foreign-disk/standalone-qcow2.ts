import { checkVirtualSize, isDamaged, isEncrypted, namesOthers, quoted } from "./disk-problems.ts";
import { type DiskReader, openDisk } from "./disk-reader.ts";

/** A qcow2 file that names no other file. */
export interface Qcow2File {
  /** The disk's size as the guest sees it, in bytes. */
  readonly virtualSize: number;
}

/**
 * Inspects a qcow2 file before QEMU opens it and the files that it names.
 *
 * @returns undefined if the file is not a qcow2 file.
 * @throws ObError `BASE_IMAGE` if it has a backing file or an external data file, is encrypted, or has impossible
 *   tables or an impossible size; as `openDisk` does.
 */
export async function inspectQcow2(path: string): Promise<Qcow2File | undefined> {
  await using disk = await openDisk(path);
  return await inspectOpenQcow2(disk);
}

/** As `inspectQcow2`. */
export async function inspectOpenQcow2(disk: DiskReader): Promise<Qcow2File | undefined> {
  const header = await disk.read(0, maxHeaderLength);
  if (!isQcow2(header)) return undefined;
  const { path } = disk;
  if (header.length < minHeaderLength) throw isDamaged(path, "it ends in its header");
  await refuseBacking(disk, header);
  if (header.readUInt32BE(32) !== 0) throw isEncrypted(path);
  const virtualSize = Number(header.readBigUInt64BE(24));
  checkVirtualSize(path, virtualSize);
  await refuseFeatures(disk, header);
  refuseTables(disk, { header, virtualSize });
  return { virtualSize };
}

export function isQcow2(header: Buffer): boolean {
  return header.length >= 8 && header.readUInt32BE(0) === magic && header.readUInt32BE(4) !== 1;
}

/* The header as docs/interop/qcow2.txt of QEMU has it. */
const magic = 0x51_46_49_fb;
const minHeaderLength = 72;
const maxHeaderLength = 112;
const externalData = 4n;
const corrupt = 2n;
const externalDataName = 0x44_41_54_41;

/** The name is at 8 and 16 in the older format, too. @throws ObError `BASE_IMAGE` */
export async function refuseBacking(disk: DiskReader, header: Buffer): Promise<void> {
  const [offset, length] = [header.readBigUInt64BE(8), header.readUInt32BE(16)];
  if (offset === 0n || length === 0) return;
  const near = offset < 1n << 40n;
  const name = near ? await disk.read(Number(offset), Math.min(length, 1023)) : "";
  throw namesOthers(disk.path, `has a backing file ${quoted(name)}`);
}

async function refuseFeatures(disk: DiskReader, header: Buffer): Promise<void> {
  const { path } = disk;
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) {
    throw isDamaged(path, `it is a qcow2 file of an unknown version, ${version}`);
  }
  if (version === 3 && header.length < 104) throw isDamaged(path, "it ends in its header");
  const features = version === 3 ? header.readBigUInt64BE(72) : 0n;
  const headerEnd = version === 3 ? header.readUInt32BE(100) : minHeaderLength;
  // Without the feature QEMU keeps the name, and does not open the file. No disk needs that.
  const name = await extension(disk, headerEnd, externalDataName);
  if ((features & externalData) !== 0n || name !== undefined) {
    throw namesOthers(path, `has its data in another file${name ? `, ${quoted(name)}` : ""}`);
  }
  if ((features & corrupt) !== 0n) throw isDamaged(path, "it is marked as corrupt");
}

/** The contents of a header extension, if they are in the first 64 KiB. */
async function extension(disk: DiskReader, from: number, wanted: number): Promise<Buffer | undefined> {
  const bytes = await disk.read(from, 1 << 16);
  for (let at = 0; at + 8 <= bytes.length;) {
    const [kind, length] = [bytes.readUInt32BE(at), bytes.readUInt32BE(at + 4)];
    if (kind === wanted) return bytes.subarray(at + 8, at + 8 + length);
    if (kind === 0) return undefined;
    at += 8 + Math.ceil(length / 8) * 8;
  }
  return undefined;
}

const maxSnapshots = 65_536;

/**
 * Refuses tables that are too large for any disk, or are not in the file.
 *
 * @throws ObError `BASE_IMAGE`
 */
export function refuseTables(
  { path, size = Infinity }: DiskReader,
  { header, virtualSize }: { readonly header: Buffer; readonly virtualSize: number },
): void {
  const clusterBits = header.readUInt32BE(20);
  if (clusterBits < 9 || clusterBits > 21) throw isDamaged(path, `it has clusters of 2^${clusterBits} bytes`);
  const cluster = 2 ** clusterBits;
  const inFile = (at: number, bytes: number): boolean => Number(header.readBigUInt64BE(at)) + bytes <= size;
  const entries = header.readUInt32BE(36);
  // Each entry has a table of one cluster, each entry of which has a cluster of data; 16 bytes long at most.
  const needed = virtualSize / ((cluster / 8) * cluster);
  if (entries < needed || entries > 2 ** 22) throw isDamaged(path, `its first table has ${entries} entries`);
  const snapshots = header.readUInt32BE(60);
  if (snapshots > maxSnapshots) throw isDamaged(path, `it says that it has ${snapshots} snapshots`);
  const references = header.readUInt32BE(56) * cluster;
  const isInside = inFile(40, entries * 8) && inFile(48, 0) && (snapshots === 0 || inFile(64, 0));
  if (!isInside || references > 2 ** 23) throw isDamaged(path, "it has tables that do not fit in it");
}
