import { open } from "node:fs/promises";
import { ObError, throwIfCancelled } from "@ob/core";
import { readQcowHeader, resolveBacking } from "./header.ts";
import { checkDisk, type QemuImgOptions } from "./qemu-img.ts";

export interface OverlayOptions extends QemuImgOptions {
  /** The backing file, as written to the header: absolute, or relative to the overlay's directory. */
  readonly backing: string;
  /** In bytes; by default that of the backing file. */
  readonly virtualSize?: number | undefined;
}

/**
 * Creates an empty qcow2 disk on top of another, or truncates a file to one. It has the bytes that `qemu-img create` would
 * write, without starting a program; nothing is flushed, which is for whoever publishes the disk.
 *
 * @throws ObError `STORE` if the backing file is not a qcow2 file, or a disk cannot have that size or backing file;
 *   `CANCELLED`. Node's own error if a file cannot be read or written.
 */
export async function createOverlay(path: string, options: OverlayOptions): Promise<void> {
  checkDisk("createOverlay", { path, options }, { backing: "string", virtualSize: "number?" });
  const { backing, virtualSize, signal } = options;
  throwIfCancelled(signal);
  const below = await readQcowHeader(resolveBacking(path, backing));
  if (below === undefined) throw new ObError("STORE", `${backing} is not a qcow2 file.`);
  await writeEmptyDisk(path, { virtualSize: virtualSize ?? below.virtualSize, backing });
}

/** Creates an empty qcow2 disk. `size` is in bytes. @throws as `createOverlay`. */
export async function createDisk(path: string, options: QemuImgOptions & { size: number }): Promise<void> {
  checkDisk("createDisk", { path, options }, { size: "number" });
  throwIfCancelled(options.signal);
  await writeEmptyDisk(path, { virtualSize: options.size, backing: undefined });
}

interface EmptyDisk {
  readonly virtualSize: number;
  readonly backing: string | undefined;
}

/*
 * Numbers of docs/interop/qcow2.txt of QEMU, with the defaults of qemu-img: version 3, clusters of 64 KiB, reference counts
 * of 16 bits.
 */
const clusterBits = 16;
const clusterSize = 1 << clusterBits;
const headerLength = 112;
const refcountOrder = 4;
/** More than a header with the longest name of a backing file needs, in bytes. */
const maxHeader = 4096;
const entrySize = 8;
/** What an entry of the level 1 table stands for, in bytes: a cluster full of entries for clusters. */
const levelOneSpan = (clusterSize / entrySize) * clusterSize;
/** Of QEMU. In bytes. */
const limits = { levelOneTable: 32 << 20, backing: 1023, sector: 512 } as const;
/** The clusters of an empty disk, in order. */
const clusters = { refcountTable: 1, refcountBlock: 2, levelOneTable: 3 } as const;

async function writeEmptyDisk(path: string, { virtualSize: wanted, backing }: EmptyDisk): Promise<void> {
  const virtualSize = Math.ceil(wanted / limits.sector) * limits.sector;
  const entries = Math.ceil(virtualSize / levelOneSpan);
  if (!Number.isSafeInteger(virtualSize) || virtualSize < 0 || entries * entrySize > limits.levelOneTable) {
    throw new ObError("STORE", `A qcow2 disk cannot have ${wanted} bytes.`);
  }
  const header = headerOf({ virtualSize, backing, entries });
  const refcountTable = Buffer.alloc(entrySize);
  refcountTable.writeBigUInt64BE(BigInt(clusters.refcountBlock * clusterSize));
  const used = clusters.levelOneTable + Math.ceil((entries * entrySize) / clusterSize);
  const refcountBlock = Buffer.alloc(used * 2);
  for (let cluster = 0; cluster < used; cluster++) refcountBlock.writeUInt16BE(1, cluster * 2);
  // No more rights than qemu-img would give it.
  await using file = await open(path, "w", 0o644);
  await file.write(header, 0, header.length, 0);
  await file.write(refcountTable, 0, refcountTable.length, clusters.refcountTable * clusterSize);
  await file.write(refcountBlock, 0, refcountBlock.length, clusters.refcountBlock * clusterSize);
  // The rest is zeros, and becomes holes.
  await file.truncate(clusters.levelOneTable * clusterSize + entries * entrySize);
}

/** The header, its extensions, and the name of the backing file after them. */
function headerOf({ virtualSize, backing, entries }: EmptyDisk & { readonly entries: number }): Buffer {
  const head = Buffer.alloc(maxHeader);
  head.write("QFI\u00FB", "latin1");
  head.writeUInt32BE(3, 4);
  head.writeUInt32BE(clusterBits, 20);
  head.writeBigUInt64BE(BigInt(virtualSize), 24);
  head.writeUInt32BE(entries, 36);
  if (entries > 0) head.writeBigUInt64BE(BigInt(clusters.levelOneTable * clusterSize), 40);
  head.writeBigUInt64BE(BigInt(clusters.refcountTable * clusterSize), 48);
  head.writeUInt32BE(1, 56);
  head.writeUInt32BE(refcountOrder, 96);
  head.writeUInt32BE(headerLength, 100);
  const format =
    backing === undefined ? [] : [{ type: extensions.backingFormat, data: Buffer.from("qcow2") }];
  let end = headerLength;
  for (const { type, data } of [...format, { type: extensions.featureNames, data: featureNames() }]) {
    head.writeUInt32BE(type, end);
    head.writeUInt32BE(data.length, end + 4);
    head.set(data, end + 8);
    end += 8 + Math.ceil(data.length / 8) * 8;
  }
  // After the extension of type 0, which ends them.
  if (backing !== undefined) writeBacking(head, backing, end + 8);
  return head;
}

function writeBacking(head: Buffer, backing: string, offset: number): void {
  const name = Buffer.from(backing);
  if (name.length === 0 || name.length > limits.backing || name.includes(0)) {
    throw new ObError(
      "STORE",
      `A qcow2 disk cannot have a backing file with a name of ${name.length} bytes.`,
    );
  }
  head.writeBigUInt64BE(BigInt(offset), 8);
  head.writeUInt32BE(name.length, 16);
  head.set(name, offset);
}

const extensions = { backingFormat: 0xe2_79_2a_ca, featureNames: 0x68_03_f8_57 } as const;

/** The names of features, for programs that do not know one: by kind and bit. */
const features = [
  [0, 0, "dirty bit"],
  [0, 1, "corrupt bit"],
  [0, 2, "external data file"],
  [0, 3, "compression type"],
  [0, 4, "extended L2 entries"],
  [1, 0, "lazy refcounts"],
  [2, 0, "bitmaps"],
  [2, 1, "raw external data"],
] as const;
const featureLength = 48;

function featureNames(): Buffer {
  const table = Buffer.alloc(features.length * featureLength);
  for (const [index, [kind, bit, name]] of features.entries()) {
    const at = index * featureLength;
    table[at] = kind;
    table[at + 1] = bit;
    table.write(name, at + 2);
  }
  return table;
}
