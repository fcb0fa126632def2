import { rm } from "node:fs/promises";
import {
  errorMessage,
  exists,
  isLayerId,
  isOutdated,
  type LayerId,
  layerLock,
  localFs,
  stagingDirectory,
  within,
} from "@ob/core";
import { completeReplacements, tryLock } from "@ob/qcow2";
import type { StoreContext } from "../context.ts";
import { flatPrefix } from "../chain/flatten.ts";
import { findLayer } from "./layers.ts";
import { scratchPrefix } from "./scratch-disk.ts";

/** How long the log of a layer that failed is kept, in milliseconds. */
const logRetention = 7 * 86_400_000;

/**
 * Removes what crashed processes left. It looks at unfinished layers only, so that its cost does not depend on the number of
 * finished ones. What is locked belongs to a running process and is left alone.
 */
export async function sweep(context: StoreContext): Promise<void> {
  const { layout } = context;
  for (const name of await localFs.readdir(layout.temporary)) {
    if (isLayerId(name)) await sweepUnfinished(context, name);
    else if (name.startsWith(scratchPrefix) || name.startsWith(flatPrefix)) await sweepLocked(context, name);
    else if (name.startsWith("trash-")) await removeTree(context, within(layout.temporary, name));
  }
  await reindexPending(context);
  await completeReplacements(layout);
  await sweepLocks(context);
}

/** An unfinished layer is removed; its log stays for some days. */
async function sweepUnfinished(context: StoreContext, id: LayerId): Promise<void> {
  const { layout, emit } = context;
  using lock = await tryLock(layerLock(layout, id), "exclusive");
  if (!lock) return;
  const directory = stagingDirectory(layout, id);
  const log = await localFs.stat(within(directory, "log")).catch(() => undefined);
  if (!log || isOutdated(log.mtimeMs, logRetention)) {
    await removeTree(context, directory);
    return;
  }
  const entries = await localFs.readdir(directory);
  if (entries.length > 1) {
    emit({
      type: "log",
      level: "info",
      text: `Removing the files of layer ${id}, which was never finished.`,
    });
    for (const entry of entries) {
      if (entry !== "log") await removeTree(context, within(directory, entry));
    }
  }
}

/** A scratch disk of a crashed process, or one that it was flattening. */
async function sweepLocked(context: StoreContext, name: string): Promise<void> {
  const { layout } = context;
  using lock = await tryLock(within(layout.locks, name), "exclusive");
  if (lock) await removeTree(context, within(layout.temporary, name));
}

/** Layers that were about to be published when a process crashed, whether they were or not. */
async function reindexPending(context: StoreContext): Promise<void> {
  for (const { id } of context.database.pending()) {
    using lock = await tryLock(layerLock(context.layout, id), "exclusive");
    if (!lock) continue;
    await findLayer(context, id);
    context.database.clearPending(id);
  }
}

/** The file of a lock is removed by its last holder; only a crash leaves one. */
async function sweepLocks({ layout }: StoreContext): Promise<void> {
  for (const name of await localFs.readdir(layout.locks)) {
    (await tryLock(within(layout.locks, name), "exclusive"))?.release();
  }
}

/** Files that cannot be removed, such as those that the original made with sudo, must not prevent a store from being opened. */
async function removeTree({ emit }: StoreContext, path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    // Another process may be removing it at this moment.
    if (!(await exists(path))) return;
    emit({ type: "log", level: "warning", text: `Cannot remove ${path}: ${errorMessage(error)}` });
  }
}
