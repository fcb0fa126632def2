import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type GuestOs, run, type RunOptions } from "@ob/core";
import { formatExt4 } from "./ext4.ts";

/** File systems that cache disks have, one for each guest operating system. */
export type FileSystem = "ext4" | "ffs" | "ntfs";

export const fileSystemOf: Readonly<Record<GuestOs, FileSystem>> = {
  linux: "ext4",
  openbsd: "ffs",
  windows: "ntfs",
};

export type Format = (path: string, options: { size: number } & RunOptions) => Promise<void>;

/** How the host makes an empty disk of each kind; where there is no entry, the guest has to. */
export const formatters: Readonly<Partial<Record<FileSystem, Format>>> = { ext4: formatExt4 };

const sector = 512;
const headSectors = 64;

/**
 * What the first partition of a qcow2 disk holds.
 *
 * @returns `blank` for a disk without a partition table, undefined for anything that is not known here.
 */
export async function identify(disk: string, options: RunOptions): Promise<FileSystem | "blank" | undefined> {
  const head = await readSectors(disk, { start: 0, count: headSectors }, options);
  if (hasBsdLabel(head)) return "ffs";
  if (head.readUInt16LE(510) !== 0xaa55) return head.every((byte) => byte === 0) ? "blank" : undefined;
  const partition = firstPartition(head);
  if (!partition) return undefined;
  if (partition.type === 0xa6) return "ffs";
  const data = await readSectors(disk, { start: partition.start, count: headSectors }, options);
  if (data.toString("latin1", 3, 11) === "NTFS    ") return "ntfs";
  return data.readUInt16LE(1024 + 56) === 0xef53 ? "ext4" : undefined;
}

/** OpenBSD's own label, without a partition table around it: `disklabel` on a new disk makes no more. */
function hasBsdLabel(head: Buffer): boolean {
  const magic = 0x82564557;
  const label = head.subarray(sector);
  return label.readUInt32LE(0) === magic && label.readUInt32LE(132) === magic;
}

/** From an MBR, or from the GPT behind a protective one. */
function firstPartition(head: Buffer): { readonly type: number; readonly start: number } | undefined {
  const protective = 0xee;
  const [type, start] = [head.readUInt8(446 + 4), head.readUInt32LE(446 + 8)];
  if (type !== protective) return start > 0 ? { type, start } : undefined;
  if (head.toString("latin1", sector, sector + 8) !== "EFI PART") return undefined;
  return { type, start: Number(head.readBigUInt64LE(2 * sector + 32)) };
}

async function readSectors(
  disk: string,
  range: { start: number; count: number },
  options: RunOptions,
): Promise<Buffer> {
  const directory = await mkdtemp(join(tmpdir(), "ob-cache-"));
  try {
    const out = join(directory, "sectors");
    const { start, count } = range;
    await run(
      // `skip` and `count` are both counted from the start of the disk.
      [
        "qemu-img",
        "dd",
        "-f",
        "qcow2",
        "-O",
        "raw",
        `bs=${sector}`,
        `skip=${start}`,
        `count=${start + count}`,
        `if=${disk}`,
        `of=${out}`,
      ],
      options,
    );
    const bytes = await readFile(out);
    return Buffer.concat([bytes, Buffer.alloc(Math.max(0, count * sector - bytes.length))]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
