import { ObError } from "@ob/core";

/** No disk is larger, as its guest sees it: 64 TiB. */
export const largestDisk = 2 ** 46;

/** A disk that opens other files would put any file that its reader can read into an image. */
export function namesOthers(path: string, what: string): ObError {
  return new ObError("BASE_IMAGE", `${path} ${what}; a base image is one file that names no other.`, {
    hint: "If you trust what it names, make one file of it: qemu-img convert -O qcow2 OLD NEW.qcow2",
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

export function isNoDisk(path: string, why: string): ObError {
  return new ObError("BASE_IMAGE", `${path} is no disk: ${why}.`, {
    hint: "A disk is a file such as qemu-img reads: qcow2, raw, VMDK, VDI, VHDX or VHD.",
  });
}

/** @throws ObError `BASE_IMAGE` for a size that no disk has. */
export function checkVirtualSize(path: string, bytes: number): void {
  if (bytes > 0 && bytes <= largestDisk) return;
  throw isDamaged(path, `it says that the guest sees ${bytes} bytes, and at most 64 TiB are taken`);
}

/** A name that a disk gives, on one line. */
export function quoted(name: Buffer | string): string {
  const text = name.toString();
  return JSON.stringify(text.length > 300 ? `${text.slice(0, 300)}…` : text);
}
