import { ObError } from "@ob/core";

/** The maximum virtual size: 64 TiB. */
export const maxVirtualSize = 2 ** 46;

/** A disk that opens other files could bring any file that its reader can read into an image. */
export function namesOthers(path: string, what: string): ObError {
  return new ObError("BASE_IMAGE", `${path} ${what}; a base image is one file that names no other.`, {
    hint: "If you trust the files that it names, convert it to one file: qemu-img convert -O qcow2 OLD NEW.qcow2",
  });
}

export function isEncrypted(path: string): ObError {
  return new ObError("BASE_IMAGE", `${path} is encrypted; a base image cannot be.`, {
    hint: "Decrypt it first, by qemu-img convert with its secret.",
  });
}

export function isDamaged(path: string, why: string): ObError {
  return new ObError("BASE_IMAGE", `${path} is damaged: ${why}.`, {
    hint: "It may have been copied only in part: copy or make it again.",
  });
}

export function isNotADisk(path: string, why: string): ObError {
  return new ObError("BASE_IMAGE", `${path} is not a disk: ${why}.`, {
    hint: "A disk is a file in a format that qemu-img reads: qcow2, raw, VMDK, VDI, VHDX or VHD.",
  });
}

/** @throws ObError `BASE_IMAGE` for an impossible size. */
export function checkVirtualSize(path: string, bytes: number): void {
  if (bytes > 0 && bytes <= maxVirtualSize) return;
  throw isDamaged(path, `its virtual size is ${bytes} bytes, and the maximum is 64 TiB`);
}

/** A name from a disk, on one line. */
export function quoted(name: Buffer | string): string {
  const text = name.toString();
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
