import { ObError } from "@ob/core";

export const sectorBytes = 512;
/** First sector of the only partition: 1 MiB, the default of all partitioning programs. */
export const partitionStart = 2048;
/** Offset of the boot record's partition table, after the boot code. */
export const partitionTable = 440;

/**
 * GRUB's boot sector and core image for the space before the first partition of a disk with a DOS partition table:
 * the code of `boot.img` in sector 0, up to the partition table, and `core.img` from sector 1. Unmodified images of
 * `grub-mkimage` expect each other at these sectors.
 *
 * @throws ObError `BASE_IMAGE` if the size of an image is wrong.
 */
export function bootRecord(
  bootImage: Uint8Array,
  coreImage: Uint8Array,
): readonly { readonly offset: number; readonly bytes: Uint8Array }[] {
  const room = (partitionStart - 1) * sectorBytes;
  if (bootImage.length !== sectorBytes) {
    throw new ObError(
      "BASE_IMAGE",
      `GRUB's boot.img has ${bootImage.length} bytes instead of ${sectorBytes}.`,
    );
  }
  if (coreImage.length > room) {
    throw new ObError(
      "BASE_IMAGE",
      `GRUB's core has ${coreImage.length} bytes, more than the ${room} before the partition.`,
    );
  }
  return [
    { offset: 0, bytes: bootImage.subarray(0, partitionTable) },
    { offset: sectorBytes, bytes: coreImage },
  ];
}
