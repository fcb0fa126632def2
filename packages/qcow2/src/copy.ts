import { rename, rm } from "node:fs/promises";
import { checkArgument, run } from "@ob/core";
import { syncPath } from "./fsync.ts";
import { convert, type QemuImgOptions } from "./qemu-img.ts";
import { readQcowHeader } from "./header.ts";

/**
 * Copies a qcow2 file so that a later change of the source never affects the copy: with shared blocks if the file system
 * supports that, and flattened if it has a backing file. The target appears complete or not at all.
 *
 * @returns true if the copy has the same bytes as the source.
 */
export async function copyDisk(
  source: string,
  target: string,
  options: QemuImgOptions = {},
): Promise<boolean> {
  checkArgument("copyDisk: source", source, "string");
  checkArgument("copyDisk: target", target, "string");
  const partial = `${target}.partial`;
  try {
    const header = await readQcowHeader(source);
    const isStandalone = header?.backing === undefined && !header?.externalData;
    if (isStandalone) {
      await run(["cp", "--reflink=auto", "--sparse=always", "--", source, partial], options);
    } else {
      await convert(source, partial, options);
    }
    await syncPath(partial);
    await rename(partial, target);
    return isStandalone;
  } finally {
    await rm(partial, { force: true });
  }
}
