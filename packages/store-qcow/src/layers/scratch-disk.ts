import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import {
  layerBackingPath,
  type ScratchDisk,
  diskIn,
  disposableWith,
  type LayerId,
  ObError,
  type StorePath,
  throwIfCancelled,
  within,
} from "@ob/core";
import { createOverlay, tryLock } from "@ob/qcow2";
import type { StoreContext } from "../context.ts";
import { pinLayer } from "./pin-layer.ts";

/** The prefix of a scratch disk's directory in `result-tmp`, and of its lock. */
export const scratchPrefix = "borrowed-";

/** See `Store.createScratchDisk`. The disk's own lock tells the sweep that its process is running. */
export async function createScratchDisk(
  context: StoreContext,
  id: LayerId,
  signal?: AbortSignal,
): Promise<ScratchDisk> {
  const { layout, emit } = context;
  throwIfCancelled(signal);
  await using stack = new AsyncDisposableStack();
  stack.use(await pinLayer(context, id, signal));
  const name = `${scratchPrefix}${randomUUID()}`;
  const own = await tryLock(within(layout.locks, name), "exclusive");
  if (!own) throw new ObError("STORE", `The lock ${name} is held by another process.`);
  stack.use(own);
  const directory: StorePath = within(layout.temporary, name);
  stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  // As deep as a layer's directory, so that the relative backing path is valid.
  await mkdir(within(directory, "rootfs"), { recursive: true, mode: 0o700 });
  const disk = diskIn(directory);
  await createOverlay(disk, { backing: layerBackingPath(id), signal, emit });
  return disposableWith({ layer: id, disk }, stack);
}
