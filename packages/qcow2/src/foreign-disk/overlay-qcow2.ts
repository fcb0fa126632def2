import { ObError, quotedName } from "@ob/core";
import { checkVirtualSize } from "./disk-problems.ts";
import { type DiskReader, openDisk } from "./disk-reader.ts";
import { isQcow2, refuseTables } from "./standalone-qcow2.ts";
import type { Qcow2File } from "./standalone-qcow2.ts";

export interface OverlayExpectation {
  /** The name of the backing file, as the header must have it. */
  readonly backing: string;
  /** The virtual size of the backing file, in bytes: the overlay's is not less. */
  readonly minSize: number;
}

/* The header as docs/interop/qcow2.txt of QEMU has it. */
const headerLength = 104;
const compressionType = 1n << 3n;
const extension = { end: 0, backingFormat: 0xe2792aca, featureNames: 0x6803f857 } as const;
/** What a header and its extensions take at most, in bytes. */
const maxHeaderBytes = 1 << 16;
/** What a disk's file may take besides its data: tables, at the smallest cluster's size. */
const tableShare = 0.05;
const tableBytes = 64 << 20;

/**
 * Inspects an overlay of unknown origin, before QEMU opens it and its backing file. It must be what `qemu-img create -b`
 * makes of a disk in the store: it names that backing file with its format and nothing else, has neither snapshots, bitmaps
 * nor encryption, and no feature that this does not know.
 *
 * @throws ObError `STORE` otherwise; `BASE_IMAGE` for impossible tables or an impossible size, and as `openDisk` does.
 */
export async function inspectOverlay(path: string, expected: OverlayExpectation): Promise<Qcow2File> {
  await using disk = await openDisk(path);
  return await inspectOpenOverlay(disk, expected);
}

/** As `inspectOverlay`. */
export async function inspectOpenOverlay(disk: DiskReader, expected: OverlayExpectation): Promise<Qcow2File> {
  const { path } = disk;
  const header = await disk.read(0, maxHeaderBytes);
  if (!isQcow2(header) || header.length < headerLength) throw refused(path, "it is not a qcow2 file");
  const version = header.readUInt32BE(4);
  if (version !== 3) throw refused(path, `it is a qcow2 file of version ${version}, not 3`);
  refuseFeatures(disk, header);
  refuseExtensions(disk, header);
  refuseOtherBacking(disk, { header, expected });
  const virtualSize = Number(header.readBigUInt64BE(24));
  checkVirtualSize(path, virtualSize);
  if (virtualSize < expected.minSize) throw refused(path, "it is smaller than its backing file");
  refuseTables(disk, { header, virtualSize });
  if (disk.size === undefined || disk.size > virtualSize * (1 + tableShare) + tableBytes) {
    throw refused(path, `its file has ${String(disk.size)} bytes, more than its ${virtualSize} can take`);
  }
  return { virtualSize };
}

function refuseFeatures({ path }: DiskReader, header: Buffer): void {
  if (header.readUInt32BE(32) !== 0) throw refused(path, "it is encrypted");
  if (header.readUInt32BE(60) !== 0) throw refused(path, "it has snapshots");
  const [incompatible, , autoclear] = [72, 80, 88].map((at) => header.readBigUInt64BE(at));
  if (incompatible !== 0n && incompatible !== compressionType) {
    throw refused(path, `it needs the features 0x${incompatible?.toString(16)}`);
  }
  if (autoclear !== 0n) throw refused(path, "it has bitmaps or a data file");
}

function refuseExtensions({ path }: DiskReader, header: Buffer): void {
  for (let at = header.readUInt32BE(100); ;) {
    if (at + 8 > header.length) throw refused(path, "its header does not end");
    const [kind, length] = [header.readUInt32BE(at), header.readUInt32BE(at + 4)];
    const text = header.toString("latin1", at + 8, at + 8 + length);
    if (kind === extension.end) return;
    const isKnown = kind === extension.featureNames || (kind === extension.backingFormat && text === "qcow2");
    if (!isKnown) throw refused(path, `its header has the extension 0x${kind.toString(16)}`);
    at += 8 + Math.ceil(length / 8) * 8;
  }
}

function refuseOtherBacking(
  { path }: DiskReader,
  { header, expected }: { readonly header: Buffer; readonly expected: OverlayExpectation },
): void {
  const [offset, length] = [Number(header.readBigUInt64BE(8)), header.readUInt32BE(16)];
  if (offset === 0 || length === 0) throw refused(path, "it has no backing file");
  const name = header.toString("latin1", offset, offset + length);
  if (name === expected.backing) return;
  throw refused(path, `its backing file is ${quotedName(name)}, not ${expected.backing}`);
}

function refused(path: string, why: string): ObError {
  return new ObError("STORE", `${path} cannot be the disk of a layer: ${why}.`, {
    hint: "It was damaged, or was not made by obuilder: have the layer built again.",
    data: { problem: "corrupt" },
  });
}
