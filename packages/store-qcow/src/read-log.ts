import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { cancelled, type LayerId, ObError, systemCode, throwIfCancelled } from "@ob/core";
import { explain } from "./failures.ts";
import { layerOnDisk } from "./layers.ts";
import { layerLock, type Layout, resultDirectory, temporaryDirectory, within } from "./layout.ts";
import { isLockedExclusively } from "./lock.ts";

/** How long a follower waits before it looks for more. */
const pauseMs = 50;
const chunkBytes = 65_536;

/** See `Store.readLog`. */
export async function* readLog(
  layout: Layout,
  id: LayerId,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  const log = await openLog(layout, id, signal);
  if (!log) return;
  // The open file is the same one before and after the rename, and even after a removal.
  await using file = log;
  for (;;) {
    // Asked before reading: what a maker wrote before they ended is read after.
    const more = isLockedExclusively(layerLock(layout, id)) && (await file.stat()).nlink > 0;
    yield* readToEnd(file, signal);
    if (!more) return;
    await pause(signal);
  }
}

async function* readToEnd(file: FileHandle, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (;;) {
    throwIfCancelled(signal);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** The log of a finished layer, or of one in the making, or of one that failed. Undefined: there is nothing to read. */
async function openLog(
  layout: Layout,
  id: LayerId,
  signal: AbortSignal | undefined,
): Promise<FileHandle | undefined> {
  for (let wasMade = false; ;) {
    throwIfCancelled(signal);
    const making = isLockedExclusively(layerLock(layout, id));
    const log =
      (await openIfThere(within(resultDirectory(layout, id), "log"))) ??
      (await openIfThere(within(temporaryDirectory(layout, id), "log")));
    if (log) return log;
    if (await layerOnDisk(layout, id)) {
      // The rename can have come between the two tries. A layer of the original's can lack a log.
      return await openIfThere(within(resultDirectory(layout, id), "log"));
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

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw explain(error, `read the log ${path}`);
  }
}

async function pause(signal: AbortSignal | undefined): Promise<void> {
  await delay(pauseMs, undefined, signal && { signal }).catch(() => {
    throw cancelled(signal);
  });
}
