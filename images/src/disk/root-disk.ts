import { open, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ObError, run, errnoCode } from "@ob/core";
import { convert } from "@ob/qcow2";
import { bootRecord, partitionStart, sectorBytes } from "./boot-record.ts";

const grubDirectory = "/usr/lib/grub/i386-pc";

export interface RootDiskOptions {
  /** Absolute path of the directory with the contents of the root file system. */
  readonly root: string;
  /** Prefix that makes a program see this user's files as root's, see `fakerootPrefix`; empty for root. */
  readonly asRoot: readonly string[];
  /** Size of the disk in bytes. */
  readonly size: number;
  /** Label of the root file system. */
  readonly label: string;
  /** GRUB's first commands, with the root file system as `(hd0,msdos1)`; undefined for a machine that is not a PC. */
  readonly grubConfig?: string | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Creates a raw disk with one ext4 partition that a PC's firmware boots with GRUB. Needs no loop device, mount or
 * root.
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
      // GRUB 2.06 reads neither. An mke2fs that does not know a feature does not enable it, and rejects its name.
      ...["-O", await withoutFeatures(["metadata_csum_seed", "orphan_file"], signal)],
      // A journal large enough for the guest to grow the file system while it is mounted; 16 MB are too few.
      ...["-J", "size=64", "-m", "1"],
      // Initialize all inode tables now, in a sparse file: otherwise the guest writes 160 MB while steps run.
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
  // mke2fs -V prints "mke2fs 1.47.0 (5-Feb-2023)" on standard error; orphan_file was added in 1.47.0.
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
  /** The format of the source disk; by default raw. */
  readonly format?: "raw" | "qcow2" | undefined;
  readonly signal: AbortSignal | undefined;
}

/** Converts a disk to a self-contained qcow2 file, compressed with zstd. */
export async function compressDisk(disk: string, options: CompressOptions): Promise<void> {
  const { to, format = "raw", signal } = options;
  await convert(disk, to, { from: format, compress: true, signal });
}

function toArgv(words: readonly string[]): readonly [string, ...string[]] {
  const [program = "", ...rest] = words;
  return [program, ...rest];
}
