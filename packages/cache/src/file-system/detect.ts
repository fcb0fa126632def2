import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run, type RunOptions, makeTemporaryDirectory } from "@ob/core";
import { formatExt4 } from "./ext4.ts";

/** File systems that are recognised on a disk; a guest may have others on its cache disks. */
export const fileSystems = ["ext4", "ffs", "ntfs"] as const;
export type FileSystem = (typeof fileSystems)[number];

export type Format = (path: string, options: { size: number } & RunOptions) => Promise<void>;

/** How the host creates an empty disk with each file system; without an entry the guest has to. */
export const formatters: Readonly<Partial<Record<string, Format>>> = { ext4: formatExt4 };

const sector = 512;
const headSectors = 64;

/**
 * What a qcow2 disk holds: the file system of its first partition that has one.
 *
 * @returns `blank` for a disk without a partition table, undefined for anything that is not known here.
 */
export async function detectFileSystem(
  disk: string,
  options: RunOptions,
): Promise<FileSystem | "blank" | undefined> {
  const head = await readSectors(disk, { start: 0, count: headSectors }, options);
  if (hasBsdLabel(head)) return "ffs";
  if (head.readUInt16LE(510) !== 0xaa55) return head.every((byte) => byte === 0) ? "blank" : undefined;
  for (const { holds, start } of partitions(head)) {
    const found = holds ?? fileSystemAt(await readSectors(disk, { start, count: headSectors }, options));
    if (found !== undefined) return found;
  }
  return undefined;
}

function fileSystemAt(data: Buffer): FileSystem | undefined {
  if (data.toString("latin1", 3, 11) === "NTFS    ") return "ntfs";
  return data.readUInt16LE(1024 + 56) === 0xef53 ? "ext4" : undefined;
}

/**
 * True for OpenBSD's own label without a partition table around it, which is all that `disklabel` writes to a new disk.
 */
function hasBsdLabel(head: Buffer): boolean {
  const magic = 0x82564557;
  const label = head.subarray(sector);
  return label.readUInt32LE(0) === magic && label.readUInt32LE(132) === magic;
}

interface Partition {
  /** The file system that its type implies. */
  readonly holds: FileSystem | undefined;
  /** Its first sector. */
  readonly start: number;
}

/** The type of OpenBSD's partitions: in an MBR, and in a GPT as on the disk. */
const openbsdType = 0xa6;
const openbsdGuid = "a0c74c82a836e311890a952519ad3f61";

/** The partitions of an MBR, any of whose four entries can be in use, or of the GPT behind a protective MBR. */
function partitions(head: Buffer): readonly Partition[] {
  const protective = 0xee;
  const places = [0, 1, 2, 3].map((place) => {
    const entry = head.subarray(446 + 16 * place);
    return { type: entry.readUInt8(4), start: entry.readUInt32LE(8) };
  });
  if (places.some(({ type }) => type === protective)) return gptPartitions(head);
  return places
    .filter(({ type, start }) => type !== 0 && start > 0)
    .map(({ type, start }) => ({ holds: type === openbsdType ? "ffs" : undefined, start }));
}

function gptPartitions(head: Buffer): readonly Partition[] {
  if (head.toString("latin1", sector, sector + 8) !== "EFI PART") return [];
  const [size, count] = [head.readUInt32LE(sector + 84), head.readUInt32LE(sector + 80)];
  if (size < 128) return [];
  const found: Partition[] = [];
  for (let each = 0; each < count && 2 * sector + (each + 1) * size <= head.length; each += 1) {
    const entry = head.subarray(2 * sector + each * size);
    const start = Number(entry.readBigUInt64LE(32));
    const holds = entry.toString("hex", 0, 16) === openbsdGuid ? "ffs" : undefined;
    if (start > 0) found.push({ holds, start });
  }
  return found;
}

async function readSectors(
  disk: string,
  range: { start: number; count: number },
  options: RunOptions,
): Promise<Buffer> {
  await using directory = await makeTemporaryDirectory("cache");
  const out = join(directory.path, "sectors");
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
}
