import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { zstdDecompress } from "node:zlib";
import { ObError, run } from "@ob/core";

/** Compression formats of a payload, by their magic bytes. */
const magics = { xz: Buffer.from("fd377a585a00", "hex"), zstd: Buffer.from("28b52ffd", "hex") } as const;

/** The compressed kernel in a bzImage. */
export interface KernelPayload {
  readonly packing: keyof typeof magics;
  readonly bytes: Buffer;
}

/**
 * Finds the compressed kernel in a bzImage (Documentation/arch/x86/boot.rst: `setup_sects`, `payload_offset`,
 * `payload_length`). QEMU boots the ELF file in it by its PVH entry, which saves the guest the decompression; that
 * takes seconds under TCG.
 *
 * @throws ObError `BASE_IMAGE` if this is not a bzImage, or its compression format is not supported.
 */
export function kernelPayload(bzImage: Buffer): KernelPayload {
  if (bzImage.length < 0x250 || bzImage.toString("latin1", 0x202, 0x206) !== "HdrS") {
    throw new ObError("BASE_IMAGE", "The kernel is not a bzImage.");
  }
  // 0 means 4, as in the oldest kernels.
  const setupSectors = bzImage.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  // The last four bytes are the uncompressed size.
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c) - 4);
  const isPacked = (packing: keyof typeof magics): boolean =>
    payload.subarray(0, magics[packing].length).equals(magics[packing]);
  if (isPacked("xz")) return { packing: "xz", bytes: payload };
  if (isPacked("zstd")) return { packing: "zstd", bytes: payload };
  throw new ObError("BASE_IMAGE", "The kernel in the bzImage is compressed with neither xz nor zstd.");
}

/** Writes the decompressed kernel of a bzImage. @param file absolute path of the ELF file to write. */
export async function unpackKernel(bzImage: Buffer, { file, signal }: UnpackKernelOptions): Promise<void> {
  const { packing, bytes } = kernelPayload(bzImage);
  if (packing === "zstd") {
    await writeFile(file, await promisify(zstdDecompress)(bytes));
    return;
  }
  await writeFile(`${file}.xz`, bytes);
  await run(["xz", "--decompress", "--keep", `${file}.xz`], { signal });
}

export interface UnpackKernelOptions {
  readonly file: string;
  readonly signal: AbortSignal | undefined;
}
