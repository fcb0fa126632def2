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
import { keepDigests } from "../layers/digests.ts";
import { layerInPath } from "../layers/layers.ts";
import { pinLayer } from "../layers/pin-layer.ts";

/** The prefix of the directory in `result-tmp` of a disk that is being flattened, and of its lock. */
export const flatPrefix = "flat-";

/**
 * Merges a layer's disk and its backing chain into one file, down to a file that is worth keeping: see `fileToKeep`. The
 * contents of the layer and its parent in the database stay. A process that has the old file open keeps it; one that opens
 * the disk afterwards gets the new file, which replaces the old one by one rename. Does nothing if another process is
 * flattening the layer, or the chain is shorter than `fromLength` files.
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
  // It also tells the sweep that the process is running.
  using own = await tryLock(within(layout.locks, name), "exclusive");
  if (!own) return;
  using _ = await pinLayer(context, id, signal);
  const { files } = await readChain(context, id);
  if (files.length < fromLength) return;
  const bottom = files[(await fileToKeep(files)) ?? files.length - 1];
  if (bottom === undefined) throw new ObError("STORE", `The disk of layer ${id} has no files.`);
  const directory: StorePath = within(layout.temporary, name);
  try {
    await rm(directory, { recursive: true, force: true });
    // As deep as a layer's directory, so that the relative backing paths are valid.
    await mkdir(within(directory, "rootfs"), { recursive: true, mode: 0o700 });
    const flat = diskIn(directory);
    await createOverlay(flat, { backing: layerBackingPath(id), signal, emit });
    await rebase(flat, { backing: relative(dirname(flat), bottom), signal, emit });
    await syncPath(flat);
    const disk = diskIn(resultDirectory(layout, id));
    await keepDigests(context, id, flat);
    await rename(flat, disk);
    await syncPath(dirname(disk));
  } finally {
    await rm(directory, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** The layer directly below the top of a chain, if it is one of the store. */
export function layerUnder(files: readonly string[]): LayerId | undefined {
  const [, below] = files;
  return below === undefined ? undefined : layerInPath(below);
}
