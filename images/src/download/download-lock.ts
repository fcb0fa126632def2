import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type Lock, tryLock, waitForLock } from "@ob/qcow2";

const suffix = ".writing";

/**
 * Prevents two builds from writing the same download: the second waits. The lock ends with its process.
 *
 * @param file absolute path of the download.
 * @throws ObError `CANCELLED`.
 */
export async function lockDownload(file: string, signal: AbortSignal | undefined): Promise<Lock> {
  return await waitForLock(`${file}${suffix}`, "exclusive", signal);
}

/** Removes the files of locks that killed processes have left. @param downloads absolute path of the download directory. */
export async function sweepDownloadLocks(downloads: string): Promise<void> {
  for (const name of await readdir(downloads)) {
    if (name.endsWith(suffix)) (await tryLock(join(downloads, name), "exclusive"))?.release();
  }
}
