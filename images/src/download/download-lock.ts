import { open, readFile, rm } from "node:fs/promises";
import { kill, pid } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { cancelledError, errnoCode, throwIfCancelled } from "@ob/core";

/**
 * Prevents two builds from writing the same download: the second waits. The lock of a dead process is broken.
 *
 * @param file absolute path of the lock file; removed when the lock is disposed of.
 * @throws ObError `CANCELLED`.
 */
export async function lockDownload(file: string, signal: AbortSignal | undefined): Promise<AsyncDisposable> {
  for (;;) {
    throwIfCancelled(signal);
    if (await take(file)) return { [Symbol.asyncDispose]: () => rm(file, { force: true }) };
    if (await isStale(file)) {
      await rm(file, { force: true });
      continue;
    }
    await sleep(200, undefined, { signal }).catch(() => {
      throw cancelledError(signal);
    });
  }
}

async function take(file: string): Promise<boolean> {
  try {
    await using handle = await open(file, "wx");
    await handle.writeFile(`${pid}\n`);
    return true;
  } catch (error) {
    if (errnoCode(error) === "EEXIST") return false;
    throw error;
  }
}

async function isStale(file: string): Promise<boolean> {
  const owner = Number(await readFile(file, "utf8").catch(() => ""));
  // Not a process id: the file was just removed, or is not written yet.
  if (!Number.isInteger(owner) || owner <= 0) return false;
  try {
    kill(owner, 0);
    return false;
  } catch (error) {
    return errnoCode(error) === "ESRCH";
  }
}
