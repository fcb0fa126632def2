import { open } from "node:fs/promises";
import { isNotADisk } from "./disk-problems.ts";
import type { DiskReader } from "./disk-reader.ts";
import { isQcow2 } from "./standalone-qcow2.ts";

/** Supported formats, by the names of QEMU's drivers. */
export type DiskFormat =
  | "bochs"
  | "cloop"
  | "dmg"
  | "luks"
  | "parallels"
  | "qcow"
  | "qcow2"
  | "qed"
  | "raw"
  | "vdi"
  | "vhdx"
  | "vmdk"
  | "vpc";

interface Signature {
  readonly format: DiskFormat;
  readonly at: number;
  /** A character for each byte. */
  readonly bytes: string;
}

const signatures: readonly Signature[] = [
  { format: "qcow", at: 0, bytes: "QFI\xfb\0\0\0\x01" },
  { format: "qed", at: 0, bytes: "QED\0" },
  { format: "vmdk", at: 0, bytes: "KDMV" },
  { format: "vmdk", at: 0, bytes: "COWD" },
  { format: "vdi", at: 64, bytes: "\x7f\x10\xda\xbe" },
  { format: "vhdx", at: 0, bytes: "vhdxfile" },
  { format: "vpc", at: 0, bytes: "conectix" },
  { format: "parallels", at: 0, bytes: "WithoutFreeSpace" },
  { format: "parallels", at: 0, bytes: "WithouFreSpacExt" },
  { format: "bochs", at: 0, bytes: "Bochs Virtual HD Image" },
  { format: "cloop", at: 0, bytes: "#!/bin/sh\n#V2.0 Format\n" },
  { format: "luks", at: 0, bytes: "LUKS\xba\xbe" },
];

/** Files that often have a disk in them. */
const archives: readonly { readonly what: string; readonly at: number; readonly bytes: string }[] = [
  { what: "a gzip file", at: 0, bytes: "\x1f\x8b" },
  { what: "an xz file", at: 0, bytes: "\xfd7zXZ\0" },
  { what: "a bzip2 file", at: 0, bytes: "BZh" },
  { what: "a zstd file", at: 0, bytes: "\x28\xb5\x2f\xfd" },
  { what: "a zip file", at: 0, bytes: "PK\x03\x04" },
  { what: "a tar archive, as an .ova is", at: 257, bytes: "ustar" },
];

const sector = 512;

/**
 * The format of a disk, by its own bytes. QEMU gets it and never guesses.
 *
 * @param head the first sectors of the disk.
 * @throws ObError `BASE_IMAGE` for what is not a disk.
 */
export async function formatOf(disk: DiskReader, head: Buffer): Promise<DiskFormat> {
  const { path, size } = disk;
  const known = signedFormat(head);
  if (known !== undefined) return known;
  const archive = archives.find((each) => isSigned(head, each));
  if (archive) throw isNotADisk(path, `it is ${archive.what}, which must be unpacked first`);
  if (isText(head.subarray(0, sector))) throw isNotADisk(path, whatText(head));
  if (size === undefined) return "raw";
  if (size === 0 || size % sector !== 0)
    throw isNotADisk(path, `it has ${size} bytes, which is not a multiple of 512`);
  const last = await disk.read(size - sector, 4);
  return last.toString("latin1") === "koly" ? "dmg" : "raw";
}

/** The format whose signature the first sectors of a disk have; undefined for a raw one. */
function signedFormat(head: Buffer): DiskFormat | undefined {
  return isQcow2(head) ? "qcow2" : signatures.find((each) => isSigned(head, each))?.format;
}

function isSigned(head: Buffer, { at, bytes }: { readonly at: number; readonly bytes: string }): boolean {
  return head.subarray(at, at + bytes.length).equals(Buffer.from(bytes, "latin1"));
}

/**
 * What a program that guesses formats could take a raw disk for, because of what a guest has written to it; undefined if it
 * cannot. Such a disk could make the program open any file of the host.
 */
export async function disguiseOf(path: string): Promise<string | undefined> {
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(headSize), 0, headSize, 0);
  const head = buffer.subarray(0, bytesRead);
  return signedFormat(head) ?? (isDescriptor(head.toString("latin1")) ? "vmdk" : undefined);
}

/** How much of a disk's beginning is looked at, in bytes. */
const headSize = 4_096;

/** True for text, followed by zeros only. */
function isText(first: Buffer): boolean {
  const end = first.findLastIndex((byte) => byte !== 0);
  const bytes = first.subarray(0, end + 1);
  return bytes.length > 0 && bytes.every((byte) => (byte >= 0x20 ? byte !== 0x7f : byte >= 9 && byte <= 13));
}

/** The descriptor of a VMDK names the files that hold the disk. */
function whatText(head: Buffer): string {
  return isDescriptor(head.toString("latin1"))
    ? "it is a VMDK descriptor, which only names the files that hold the disk"
    : "it is text";
}

function isDescriptor(text: string): boolean {
  return /^#\s*disk\s+descriptor|^\s*version\s*=|^\s*createType\s*=/im.test(text);
}
