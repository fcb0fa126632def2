import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

/** The largest file that is read, in bytes: manifests and keys have some thousand. */
const maxBytes = 1 << 20;

/**
 * Reads a small file of unknown origin. Rejects with Node's own error if it cannot be read, and with an `Error` that says so
 * for a pipe, which could be waited for without end, a device, a directory, and what is larger than 1 MiB.
 */
// oxlint-disable-next-line require-await -- a trip to the thread pool takes ten times as long as the read itself.
export async function readRegularFile(path: string): Promise<Buffer> {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const found = fstatSync(file);
    if (!found.isFile()) throw new Error("it is not a file");
    if (found.size > maxBytes) throw new Error("it is larger than 1 MiB");
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}
