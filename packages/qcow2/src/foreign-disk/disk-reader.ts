import { constants } from "node:fs";
import { open, stat } from "node:fs/promises";
import { errorMessage, ObError, errnoCode } from "@ob/core";

/** A file that may be a disk. */
export interface DiskReader extends AsyncDisposable {
  readonly path: string;
  /** In bytes; undefined for a block device. */
  readonly size: number | undefined;
  /** At most so many bytes; fewer where the file ends. */
  readonly read: (position: number, length: number) => Promise<Buffer>;
}

/**
 * Opens a file to read its bytes.
 *
 * @param path always a path, even if QEMU would interpret it as something else.
 * @throws ObError `BASE_IMAGE` if it cannot be read, or is neither a file nor a block device.
 */
export async function openDisk(path: string): Promise<DiskReader> {
  const found = await stat(path).catch((cause: unknown) => {
    throw errnoCode(cause) === "ENOENT"
      ? new ObError("BASE_IMAGE", `There is no file ${path}.`, { cause })
      : unreadable(path, cause);
  });
  if (!found.isFile() && !found.isBlockDevice()) {
    throw new ObError("BASE_IMAGE", `${path} cannot be read as a disk: it is not a file.`, {
      hint: "Name the file that holds the disk.",
    });
  }
  // If it was replaced by a pipe meanwhile, opening does not wait for a writer.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  return {
    path,
    size: found.isFile() ? found.size : undefined,
    async read(position, length) {
      const buffer = Buffer.alloc(length);
      const { bytesRead } = await file.read(buffer, 0, length, position);
      return buffer.subarray(0, bytesRead);
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

function unreadable(path: string, cause: unknown): ObError {
  return new ObError("BASE_IMAGE", `${path} cannot be read: ${errorMessage(cause)}.`, {
    cause,
    hint: "Check its owner and permissions, and that it is a file.",
  });
}
