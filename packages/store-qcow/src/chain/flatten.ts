import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, relative } from "node:path";
import {
  layerBackingPath,
  diskIn,
  type LayerId,
  ObError,
  resultDirectory,
  type StorePath,
  within,
} from "@ob/core";
import { createOverlay, fileToKeep, rebase, syncPath, tryLock } from "@ob/qcow2";
import { readChain } from "./backing-chain.ts";
import type { StoreContext } from "../context.ts";
import { layerInPath } from "../layers/layers.ts";
import { pinLayer } from "../layers/scratch-disk.ts";

/** How the directory in `result-tmp` of a disk that is being flattened, and its lock, begin. */
export const flatPrefix = "flat-";

/**
 * Makes one file of a layer's disk and those under it, down to one that is worth keeping apart: the work is in proportion
 * to what the steps have changed. What the layer shows stays, and so does its parent in the database. Who has the old
 * file open goes on with it; who opens the disk from now on finds the new one, for they change places by one rename.
 * Does nothing if someone else is at it, or the chain is shorter than `fromLength` files.
 *
 * @throws ObError `NO_SUCH_LAYER`, `NO_SPACE`, `CANCELLED`.
 */
export async function flattenLayer(
  context: StoreContext,
  id: LayerId,
  { fromLength, signal }: { readonly fromLength: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const { layout, emit } = context;
  const name = `${flatPrefix}${id}`;
  // It tells the sweep, too, that what lies there belongs to a living process.
  using own = await tryLock(within(layout.locks, name), "exclusive");
  if (!own) return;
  using held = await pinLayer(context, id, signal);
  void held;
  const { files } = await readChain(context, id);
  if (files.length < fromLength) return;
  const bottom = files[(await fileToKeep(files)) ?? files.length - 1];
  if (bottom === undefined) throw new ObError("STORE", `The disk of layer ${id} has no files.`);
  const directory: StorePath = within(layout.temporary, name);
  try {
    await rm(directory, { recursive: true, force: true });
    // As deep as a layer's, so that the relative backing paths hold.
    await mkdir(within(directory, "rootfs"), { recursive: true, mode: 0o700 });
    const flat = diskIn(directory);
    await createOverlay(flat, { backing: layerBackingPath(id), signal, emit });
    await rebase(flat, { backing: relative(dirname(flat), bottom), signal, emit });
    await syncPath(flat);
    const disk = diskIn(resultDirectory(layout, id));
    await rename(flat, disk);
    await syncPath(dirname(disk));
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The layer right under the top of a chain, if it is one of the store's. */
export function layerUnder(files: readonly string[]): LayerId | undefined {
  const [, below] = files;
  return below === undefined ? undefined : layerInPath(below);
}
