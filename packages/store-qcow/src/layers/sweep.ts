import { readdir, rm, stat } from "node:fs/promises";
import { exists, isLayerId, type LayerId, layerLock, errorMessage, stagingDirectory, within } from "@ob/core";
import { tryLock } from "@ob/qcow2";
import type { StoreContext } from "../context.ts";
import { flatPrefix } from "../chain/flatten.ts";
import { findLayer, layerOnDisk } from "./layers.ts";
import { scratchPrefix } from "./scratch-disk.ts";

const daysThatLogsStay = 7;

/**
 * Removes what processes that died left behind. It looks at layers in the making only, never at finished ones, so it
 * costs the same however many there are; and what has a lock belongs to a living process and is left alone.
 */
export async function sweep(context: StoreContext): Promise<void> {
  const { layout } = context;
  for (const name of await readdir(layout.temporary)) {
    if (isLayerId(name)) await sweepUnfinished(context, name);
    else if (name.startsWith(scratchPrefix) || name.startsWith(flatPrefix)) await sweepLocked(context, name);
    else if (name.startsWith("trash-")) await removeTree(context, within(layout.temporary, name));
  }
  await reindexPending(context);
  await sweepLocks(context);
}

/** A half-made layer goes, its log stays for some days. */
async function sweepUnfinished(context: StoreContext, id: LayerId): Promise<void> {
  const { layout, emit } = context;
  using lock = await tryLock(layerLock(layout, id), "exclusive");
  if (!lock) return;
  const directory = stagingDirectory(layout, id);
  const log = await stat(within(directory, "log")).catch(() => undefined);
  const age = log && Date.now() - log.mtimeMs;
  if (age === undefined || age > daysThatLogsStay * 86_400_000) {
    await removeTree(context, directory);
    return;
  }
  const entries = await readdir(directory);
  if (entries.length > 1) {
    emit({
      type: "log",
      level: "info",
      text: `Removing what was left of layer ${id}, which was never finished.`,
    });
    for (const entry of entries) {
      if (entry !== "log") await removeTree(context, within(directory, entry));
    }
  }
}

/** A borrowed disk of a process that died, or one that it was flattening. */
async function sweepLocked(context: StoreContext, name: string): Promise<void> {
  const { layout } = context;
  using lock = await tryLock(within(layout.locks, name), "exclusive");
  if (lock) await removeTree(context, within(layout.temporary, name));
}

/** Layers that appeared in the moment before a crash, and those that then did not. */
async function reindexPending(context: StoreContext): Promise<void> {
  for (const { id } of context.database.pending()) {
    using lock = await tryLock(layerLock(context.layout, id), "exclusive");
    if (!lock) continue;
    if (await layerOnDisk(context.layout, id)) await findLayer(context, id);
    context.database.clearPending(id);
  }
}

/** A lock's file goes with its last holder; only a crash leaves one. */
async function sweepLocks({ layout }: StoreContext): Promise<void> {
  for (const name of await readdir(layout.locks)) {
    (await tryLock(within(layout.locks, name), "exclusive"))?.release();
  }
}

/** What cannot be removed, such as what the original made with sudo, must not keep a store from being opened. */
async function removeTree({ emit }: StoreContext, path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    // Another process may be removing it at this moment.
    if (!(await exists(path))) return;
    emit({ type: "log", level: "warning", text: `Cannot remove ${path}: ${errorMessage(error)}` });
  }
}
