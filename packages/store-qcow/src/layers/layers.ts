import {
  diskIn,
  exists,
  type Layer,
  type LayerId,
  layerId,
  type StoreLayout,
  resultDirectory,
} from "@ob/core";
import { readQcowHeader } from "@ob/qcow2";
import type { StoreContext } from "../context.ts";
import { behindGate } from "./gate.ts";

/*
 * A layer is what is in result/; the database only records when it was used, and its parent.
 * - In result/ and not in the database (a crash came between the two, or the database was lost): it is added when it is
 *   used. Its parent is the pending row's, otherwise the layer that its disk has as backing file.
 * - In the database and not in result/ (removed by hand): it does not exist. The layers that depend on it are useless,
 *   since a disk that is made again is not the same disk: the writer that makes the layer again removes them first.
 */

/** The layer on disk, whether or not it is in the database. */
export async function layerOnDisk(layout: StoreLayout, id: LayerId): Promise<Layer | undefined> {
  const directory = resultDirectory(layout, id);
  const disk = diskIn(directory);
  return (await exists(disk)) ? { id, directory, disk } : undefined;
}

/** The layer. It is added to the database if it is missing there. */
export async function findLayer(context: StoreContext, id: LayerId): Promise<Layer | undefined> {
  const layer = await layerOnDisk(context.layout, id);
  if (!layer || context.database.has(id)) return layer;
  // It may just be on its way out, or in: a row without its layer would keep the parent's from being removed.
  return await behindGate(context.layout, { mode: "shared" }, () => findBehindGate(context, id));
}

/** As `findLayer`, for a caller that is behind the gate. */
export async function findBehindGate(context: StoreContext, id: LayerId): Promise<Layer | undefined> {
  const layer = await layerOnDisk(context.layout, id);
  if (layer && !context.database.has(id)) await reindexLayer(context, layer);
  return layer;
}

/**
 * Adds the layers that a crashed process published without their rows: a deletion must know of all dependents. For a caller
 * that holds the gate exclusively, so that no other process is publishing one.
 */
export async function addPending(context: StoreContext): Promise<void> {
  for (const { id } of context.database.pending()) {
    await findBehindGate(context, id);
    context.database.clearPending(id);
  }
}

/** Adds a layer that the database does not have, and its parents before it. */
async function reindexLayer(context: StoreContext, layer: Layer): Promise<void> {
  const { database } = context;
  const pending = database.pending().find(({ id }) => id === layer.id);
  const parent = pending ? pending.parent : await parentOnDisk(layer);
  const known = parent !== undefined && (await findBehindGate(context, parent)) !== undefined;
  database.insert(layer.id, known ? parent : undefined);
  context.emit({
    type: "log",
    level: "info",
    text: `Layer ${layer.id} was not in the database; added it.`,
  });
}

/** The layer whose disk is the backing file of this one's. */
async function parentOnDisk(layer: Layer): Promise<LayerId | undefined> {
  const header = await readQcowHeader(layer.disk);
  return header?.backing === undefined ? undefined : layerInPath(header.backing);
}

/** The layer that a disk's path belongs to, going by the path's end: `…/result/ID/rootfs/image.qcow2`. */
export function layerInPath(path: string): LayerId | undefined {
  const [, id] = /(?:^|\/)result\/([0-9a-f]{64})\/rootfs\/image\.qcow2$/.exec(path) ?? [];
  return id === undefined ? undefined : layerId(id);
}
