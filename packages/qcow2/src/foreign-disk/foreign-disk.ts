import { rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type FileSystemSpace, isObError, tailLines, ObError, run, watchSpace } from "@ob/core";
import { type DiskFormat, formatOf } from "./disk-formats.ts";
import { checkVirtualSize, isEncrypted } from "./disk-problems.ts";
import { refuseParents } from "./disk-parents.ts";
import { type DiskReader, openDisk } from "./disk-reader.ts";
import type { QemuImgOptions } from "../qemu-img.ts";

/** A disk that was inspected: it opens no other file. */
export interface ForeignDisk {
  /** Absolute. */
  readonly path: string;
  readonly format: DiskFormat;
  readonly isDevice: boolean;
}

const headBytes = 1 << 16;

/**
 * Inspects a disk of unknown origin, before QEMU opens it.
 *
 * @param file always a path, not a URL or another name that QEMU knows; a relative one starts at the working directory.
 * @throws ObError `BASE_IMAGE` if it is not a disk, is encrypted, names other files, or has an impossible size.
 */
export async function inspectDisk(file: string): Promise<ForeignDisk> {
  await using disk = await openDisk(resolve(file));
  return await inspectOpenDisk(disk);
}

/** As `inspectDisk`. */
export async function inspectOpenDisk(disk: DiskReader): Promise<ForeignDisk> {
  const { path, size } = disk;
  const head = await disk.read(0, headBytes);
  const format = await formatOf(disk, head);
  await refuseParents(disk, { format, head });
  if (format === "raw" && size !== undefined) checkVirtualSize(path, size);
  return { path, format, isDevice: size === undefined };
}

export interface ConvertDiskOptions extends QemuImgOptions {
  /** Reads the state of the target's file system; by default `statfs`. */
  readonly stat?: ((directory: string) => Promise<FileSystemSpace>) | undefined;
  /** What the commands of qemu-img are appended to: it parses what a stranger has made. It must see the disk and the directory of the copy. */
  readonly confinedBy?: readonly string[] | undefined;
}

/**
 * Converts a disk that was inspected to a qcow2 file without a backing file. A few megabytes can say that they are terabytes: the
 * conversion ends before it fills the target's file system.
 *
 * @throws ObError `BASE_IMAGE` if QEMU cannot read it in its format; `NO_SPACE`, `MISSING_TOOL`, `CANCELLED`.
 */
export async function convertDisk(
  disk: ForeignDisk,
  target: string,
  { signal, emit, stat, confinedBy = [] }: ConvertDiskOptions = {},
): Promise<void> {
  using space = watchSpace(dirname(target), { what: "the copy of the disk", stat });
  const options = { signal: AbortSignal.any([space.full, ...(signal ? [signal] : [])]), emit };
  const qemuImg = async (...args: readonly string[]) => {
    const [program = "", ...rest] = [...confinedBy, "qemu-img", ...args];
    return await run([program, ...rest], options);
  };
  try {
    const { stdout } = await qemuImg("info", "--output=json", nameOf(disk));
    checkInfo(disk, stdout);
    await qemuImg("convert", "-O", "qcow2", nameOf(disk), target);
  } catch (error) {
    await rm(target, { force: true });
    space.full.throwIfAborted();
    if (!isObError(error, "TOOL_FAILED")) throw error;
    throw new ObError(
      "BASE_IMAGE",
      `${disk.path} cannot be read as a ${disk.format} disk.\n${tailLines(error.message, 3)}`,
      { cause: error, hint: "It may be damaged, or in use by a virtual machine." },
    );
  }
}

/**
 * The disk for qemu-img, with its format and the driver of its file, so that QEMU guesses neither; a backing file is not
 * opened even if the disk names one.
 */
function nameOf({ path, format, isDevice }: ForeignDisk): string {
  const file = { driver: isDevice ? "host_device" : "file", filename: path };
  return `json:${JSON.stringify({ driver: format, backing: null, file })}`;
}

function checkInfo({ path }: ForeignDisk, text: string): void {
  const info: { readonly "virtual-size": number; readonly encrypted?: boolean } = JSON.parse(text);
  if (info.encrypted) throw isEncrypted(path);
  checkVirtualSize(path, info["virtual-size"]);
}
