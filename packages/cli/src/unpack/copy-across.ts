import { randomUUID } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { chmod, copyFile, readlink, rename, rm, symlink, utimes } from "node:fs/promises";
import { stagingPrefix } from "./staging.ts";

/** A file and where it moves. Names are bytes. */
export interface Move {
  readonly from: Buffer;
  readonly to: Buffer;
}

/**
 * Copies a file or a link to another file system: under a temporary name first, which is then renamed.
 *
 * @param found the state of `from`.
 */
export async function copyAcross({ from, to }: Move, found: Stats): Promise<void> {
  const copy = beside(to);
  try {
    if (found.isSymbolicLink()) await symlink(await readlink(from, { encoding: "buffer" }), copy);
    else await copyWholeFile(from, { copy, found });
    await rename(copy, to);
  } finally {
    await rm(copy, { force: true });
  }
}

async function copyWholeFile(
  from: Buffer,
  { copy, found }: { readonly copy: Buffer; readonly found: Stats },
): Promise<void> {
  await copyFile(from, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(copy, found.mode & 0o7777);
  await utimes(copy, found.atime, found.mtime);
}

/** An unused name in the same directory. */
function beside(path: Buffer): Buffer {
  const directory = path.subarray(0, path.lastIndexOf("/") + 1);
  return Buffer.concat([directory, Buffer.from(`${stagingPrefix}${randomUUID()}`)]);
}
