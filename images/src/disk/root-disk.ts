import { open, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ObError, run, errnoCode } from "@ob/core";
import { bootRecord, partitionStart, sectorBytes } from "./boot-record.ts";

const grubDirectory = "/usr/lib/grub/i386-pc";

export interface RootDiskOptions {
  /** Absolute path of the directory that becomes the root file system. */
  readonly root: string;
  /** What makes this user root in the eyes of a program that reads owners; empty for root. */
  readonly asRoot: readonly string[];
  /** Size of the disk in bytes. */
  readonly size: number;
  /** Label of the root file system. */
  readonly label: string;
  /** GRUB's first commands, with the root file system as `(hd0,msdos1)`; none for a machine that is no PC. */
  readonly grubConfig?: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Makes a raw disk of one ext4 partition, which a PC's firmware boots with GRUB: no loop device, no mount and no
 * root are needed.
 *
 * @param disk absolute path of the file to write; it is sparse.
 * @throws ObError `MISSING_TOOL`, `TOOL_FAILED`, `NO_SPACE`, `CANCELLED`.
 */
export async function makeRootDisk(disk: string, options: RootDiskOptions): Promise<void> {
  const { root, asRoot, size, label, signal } = options;
  await writeFile(disk, "");
  await truncate(disk, size);
  await run(["sfdisk", "--quiet", disk], {
    input: `label: dos\nstart=${partitionStart}, type=83, bootable\n`,
    signal,
  });
  const offset = partitionStart * sectorBytes;
  const blockBytes = 4096;
  await run(
    toArgv([
      ...asRoot,
      ...["mke2fs", "-q", "-t", "ext4", "-b", `${blockBytes}`, "-L", label, "-d", root],
      // GRUB 2.06 reads neither; mke2fs does not know them all, and then has none to leave out.
      ...["-O", await withoutFeatures(["metadata_csum_seed", "orphan_file"], signal)],
      // Large enough for the guest to grow the file system while it is mounted, for which 16 MB are not.
      ...["-J", "size=64", "-m", "1"],
      // All inode tables now, on a file with holes: else the guest fills them, 160 MB, while steps run.
      ...["-E", `offset=${offset},lazy_itable_init=0,root_owner=0:0`],
      ...[disk, `${Math.floor((size - offset) / blockBytes)}`],
    ]),
    { signal },
  );
  if (options.grubConfig !== undefined) await installGrub(disk, { grubConfig: options.grubConfig, signal });
}

async function withoutFeatures(
  features: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string> {
  // mke2fs -V prints "mke2fs 1.47.0 (5-Feb-2023)" on its standard error; orphan_file came with 1.47.0.
  const { stderr } = await run(["mke2fs", "-V"], { signal });
  const [, major = "0", minor = "0"] = /mke2fs (\d+)\.(\d+)/.exec(stderr) ?? [];
  const knowsAll = Number(major) > 1 || Number(minor) >= 47;
  return features
    .filter((feature) => knowsAll || feature !== "orphan_file")
    .map((feature) => `^${feature}`)
    .join(",");
}

async function installGrub(
  disk: string,
  { grubConfig, signal }: { readonly grubConfig: string; readonly signal: AbortSignal | undefined },
): Promise<void> {
  const config = `${disk}.grub.cfg`;
  const core = `${disk}.grub.core`;
  await writeFile(config, grubConfig);
  await run(
    [
      ...(["grub-mkimage", "--format=i386-pc", `--directory=${grubDirectory}`] as const),
      ...["--prefix=(hd0,msdos1)/boot/grub", `--config=${config}`, `--output=${core}`],
      ...["biosdisk", "part_msdos", "ext2", "linux"],
    ],
    { signal },
  );
  await using file = await open(disk, "r+");
  for (const { offset, bytes } of bootRecord(await readBootImage(), await readFile(core))) {
    await file.write(bytes, 0, bytes.length, offset);
  }
}

async function readBootImage(): Promise<Buffer> {
  try {
    return await readFile(join(grubDirectory, "boot.img"));
  } catch (error) {
    if (errnoCode(error) !== "ENOENT") throw error;
    throw new ObError("MISSING_TOOL", "GRUB for PC firmware is not installed.", {
      hint: "On Debian or Ubuntu: sudo apt-get install grub-pc-bin",
      cause: error,
    });
  }
}

export interface CompressOptions {
  /** Absolute path of the file to write. */
  readonly to: string;
  /** That of the disk as it is; by default raw. */
  readonly format?: "raw" | "qcow2" | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Packs a disk as a qcow2 file that stands alone, compressed with zstd. */
export async function compressDisk(disk: string, options: CompressOptions): Promise<void> {
  const { to, format = "raw", signal } = options;
  const packing = ["-c", "-o", "compression_type=zstd"];
  await run(["qemu-img", "convert", "-f", format, "-O", "qcow2", ...packing, disk, to], { signal });
}

function toArgv(words: readonly string[]): readonly [string, ...string[]] {
  const [program = "", ...rest] = words;
  return [program, ...rest];
}
