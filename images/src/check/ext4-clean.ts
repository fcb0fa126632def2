import { open } from "node:fs/promises";
import { ObError, run } from "@ob/core";
import { partitionStart, sectorBytes } from "../disk/boot-record.ts";

const superblockBytes = 1024;
const magic = 0xef53;
const cleanlyUnmounted = 1;
/** The feature bit of a file system whose journal is not empty. */
const needsRecovery = 4;

/**
 * Checks in the superblock of a disk's only partition (Documentation/filesystems/ext4/super.rst) that its file system
 * was unmounted cleanly.
 *
 * @param disk absolute path of a qcow2 file that no process has open.
 * @throws ObError `BASE_IMAGE` if it was not.
 */
export async function assertCleanRoot(
  disk: string,
  { raw, signal }: { readonly raw: string; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const skip = (partitionStart * sectorBytes) / superblockBytes + 1;
  await run(
    [
      ...(["qemu-img", "dd", "-f", "qcow2", "-O", "raw", `bs=${superblockBytes}`] as const),
      ...[`skip=${skip}`, `count=${skip + 1}`, `if=${disk}`, `of=${raw}`],
    ],
    { signal },
  );
  await using file = await open(raw);
  const { buffer } = await file.read(Buffer.alloc(superblockBytes), 0, superblockBytes, 0);
  if (!isClean(buffer)) {
    throw new ObError(
      "BASE_IMAGE",
      "The new image does not work. It shuts down, but does not leave a clean file system.",
    );
  }
}

/** True for the superblock of an ext4 file system that was unmounted and has an empty journal. */
export function isClean(superblock: Buffer): boolean {
  return (
    superblock.readUInt16LE(0x38) === magic &&
    superblock.readUInt16LE(0x3a) === cleanlyUnmounted &&
    (superblock.readUInt32LE(0x60) & needsRecovery) === 0
  );
}
