import { ObError } from "@ob/core";

const xzMagic = Buffer.from("fd377a585a00", "hex");

/**
 * Finds the compressed kernel in a bzImage (Documentation/arch/x86/boot.rst: `setup_sects`, `payload_offset`,
 * `payload_length`). QEMU starts the ELF file that is packed in it by its PVH entry, and so saves the guest the
 * unpacking, which takes seconds under emulation.
 *
 * @returns the xz stream.
 * @throws ObError `BASE_IMAGE` if this is no bzImage, or one that is packed differently.
 */
export function xzPayload(bzImage: Buffer): Buffer {
  if (bzImage.length < 0x250 || bzImage.toString("latin1", 0x202, 0x206) !== "HdrS") {
    throw new ObError("BASE_IMAGE", "The kernel is no bzImage.");
  }
  // 0 stands for 4, as in the oldest kernels.
  const setupSectors = bzImage.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  // The last four bytes are the unpacked size.
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c) - 4);
  if (!payload.subarray(0, xzMagic.length).equals(xzMagic)) {
    throw new ObError("BASE_IMAGE", "The kernel in the bzImage is not packed with xz.");
  }
  return payload;
}
