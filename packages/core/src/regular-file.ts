import { constants } from "node:fs";
import { open } from "node:fs/promises";

/** The largest file that is read, in bytes: manifests and keys have some thousand. */
const maxBytes = 1 << 20;

/**
 * Reads a small file of unknown origin. Rejects with Node's own error if it cannot be read, and with an `Error` that says so
 * for a pipe, which could be waited for without end, a device, a directory, and what is larger than 1 MiB.
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await file.stat();
  if (!found.isFile()) throw new Error("it is not a file");
  if (found.size > maxBytes) throw new Error("it is larger than 1 MiB");
  return await file.readFile();
}
