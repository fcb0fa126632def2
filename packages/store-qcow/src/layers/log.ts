import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import {
  isLayerId,
  type LayerId,
  layerLock,
  monotonicMs,
  type StoreLayout,
  ObError,
  resultDirectory,
  errnoCode,
  stagingDirectory,
  throwIfCancelled,
  toStoreError,
  within,
} from "@ob/core";
import { isLockedExclusively } from "@ob/qcow2";
import { layerOnDisk } from "./layers.ts";

/** How long a follower waits before it reads again. */
const pauseMs = 50;
const chunkBytes = 65_536;
/** Node.js takes what is not larger from memory that it has. */
const shortBytes = 1_024;

/** How long one turn of the event loop may deal with a log, in milliseconds: a log may be long. */
const turnTime = 10;

/** See `Store.readLog`. */
export async function* readLog(
  layout: StoreLayout,
  id: LayerId,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const log = await openLog(layout, id, signal);
  if (log === undefined) return;
  // The open file is the same one before and after the rename, and even after a removal.
  try {
    for (;;) {
      // Checked before reading, so that what the writer wrote last is read as well.
      const more = isLockedExclusively(layerLock(layout, id)) && fstatSync(log).nlink > 0;
      yield* readToEnd(log, signal);
      if (!more) return;
      await pause(signal);
    }
  } finally {
    closeSync(log);
  }
}

/** The reads are synchronous: most logs are short, and the thread pool would take many times as long. */
async function* readToEnd(log: number, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  // Most logs are short: a buffer of a whole chunk for each took most of the time of a cached step.
  let bufferBytes = Math.min(Math.max(shortBytes, fstatSync(log).size + 1), chunkBytes);
  for (let turnEnd = monotonicMs() + turnTime; ;) {
    if (monotonicMs() >= turnEnd) {
      await nextTurn();
      turnEnd = monotonicMs() + turnTime;
    }
    throwIfCancelled(signal);
    const buffer = Buffer.allocUnsafe(bufferBytes);
    const bytesRead = readSync(log, buffer);
    if (bytesRead === 0) return;
    // Otherwise this was the end, unless the log is being written.
    if (bytesRead === bufferBytes) bufferBytes = chunkBytes;
    yield buffer.subarray(0, bytesRead);
  }
}

/** See `Store.unfinished`. */
export async function unfinishedLayers(layout: StoreLayout): Promise<readonly LayerId[]> {
  const ids = (await readdir(layout.temporary)).filter(isLayerId);
  return ids.filter((id) => existsSync(within(stagingDirectory(layout, id), "log")));
}

/** The open log of a finished, unfinished or failed layer. Undefined if it has none. */
async function openLog(
  layout: StoreLayout,
  id: LayerId,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  for (let wasMade = false; ;) {
    throwIfCancelled(signal);
    const making = isLockedExclusively(layerLock(layout, id));
    const log =
      openIfThere(within(resultDirectory(layout, id), "log")) ??
      openIfThere(within(stagingDirectory(layout, id), "log"));
    if (log !== undefined) return log;
    if (await layerOnDisk(layout, id)) {
      // The layer can have been renamed between the two tries. A layer of the original can lack a log.
      return openIfThere(within(resultDirectory(layout, id), "log"));
    }
    if (!making) {
      if (wasMade) return undefined;
      throw new ObError("NO_SUCH_LAYER", `The store has no log of layer ${id}.`, {
        hint: "Only layers that were built, or whose last build failed some days ago at most, have one.",
      });
    }
    wasMade = true;
    await pause(signal);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw toStoreError(error, `read the log ${path}`);
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  // A signal ends the pause by an error: the next turn throws the right one.
  await delay(pauseMs, undefined, signal && { signal }).catch(() => undefined);
}
