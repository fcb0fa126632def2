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

/*
 * A layer is what stands in result/; the database only says when it was used and what stands on it.
 * - In result/ and not in the database (a crash came between the two, or the database was lost): it is entered
 *   when it is met. Its parent is the one that was announced, else the layer that its disk names as backing file.
 * - In the database and not in result/ (someone removed it): it is not there. What stands on it is rubble, since a
 *   disk made again is not the same disk: whoever makes the layer anew removes that first (claim.ts).
 */

/** The layer as it stands on the disk, whether it is entered in the database or not. */
export async function layerOnDisk(layout: StoreLayout, id: LayerId): Promise<Layer | undefined> {
  const directory = resultDirectory(layout, id);
  const disk = diskIn(directory);
  return (await exists(disk)) ? { id, directory, disk } : undefined;
}

/** The layer, entered in the database. */
export async function findLayer(context: StoreContext, id: LayerId): Promise<Layer | undefined> {
  const layer = await layerOnDisk(context.layout, id);
  if (layer && !context.database.has(id)) await reindexLayer(context, layer);
  return layer;
}

/** Enters a layer that the database does not know, and first the layers under it. */
async function reindexLayer(context: StoreContext, layer: Layer): Promise<void> {
  const { database } = context;
  const announced = database.pending().find(({ id }) => id === layer.id);
  const parent = announced ? announced.parent : await parentOnDisk(layer);
  const known = parent !== undefined && (await findLayer(context, parent)) !== undefined;
  database.insert(layer.id, known ? parent : undefined);
  context.emit({
    type: "log",
    level: "info",
    text: `Layer ${layer.id} was not in the database; entered it.`,
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
