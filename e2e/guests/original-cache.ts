import { open, rm } from "node:fs/promises";
import { run } from "@ob/core";

/** In bytes. */
const size = 128 << 20;
const sector = 512;

/**
 * A new, empty cache disk as the simulated OpenBSD's installer finds it, to be labelled in the guest.
 *
 * @param file the path of the qcow2 disk.
 */
export async function blankDisk(file: string): Promise<void> {
  await run(["qemu-img", "create", "-q", "-f", "qcow2", file, String(size)]);
}

/** The signature in the MBR of the original's `cache-ntfs.qcow2`, which the simulated Windows knows since it was installed. */
export const knownSignature = "4e544653";

/**
 * A disk as Windows Setup makes it by the original's recipe: an MBR with one partition from 1 MiB. It holds ext4, as all
 * volumes of the simulated Windows, with the first bytes of NTFS.
 *
 * @param signature of the disk, 8 hexadecimal digits.
 */
export async function ntfsDisk(file: string, signature: string): Promise<void> {
  const raw = `${file}.raw`;
  const start = 1 << 20;
  await run(["truncate", "-s", String(size), raw]);
  await run(["sfdisk", "-q", raw], { input: `label: dos\nlabel-id: 0x${signature}\nstart=2048, type=7\n` });
  await run(["mke2fs", "-q", "-t", "ext4", "-E", `offset=${start}`, raw, `${(size - start) >> 10}k`]);
  {
    await using disk = await open(raw, "r+");
    await disk.write(Buffer.from("NTFS    "), 0, 8, start + 3);
  }
  await run(["qemu-img", "convert", "-O", "qcow2", raw, file]);
  await rm(raw);
}

/** What a cache disk holds, read on the host. No machine may have it open. */
export interface DiskState {
  /** The first two sectors. */
  readonly head: Buffer;
  /** True if the file system was unmounted in order. */
  readonly clean: boolean;
}

/** @param start of the file system, in sectors. */
export async function stateOf(file: string, start: number): Promise<DiskState> {
  const raw = `${file}.raw`;
  try {
    await run(["qemu-img", "convert", "-O", "raw", file, raw]);
    const { stdout } = await run(["debugfs", "-R", "show_super_stats -h", `${raw}?offset=${start * sector}`]);
    await using disk = await open(raw);
    const head = Buffer.alloc(2 * sector);
    await disk.read(head, 0, head.length, 0);
    return { head, clean: /state:\s+clean\n/.test(stdout) && !stdout.includes("needs_recovery") };
  } finally {
    await rm(raw, { force: true });
  }
}
