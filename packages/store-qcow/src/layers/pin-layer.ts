import { statSync } from "node:fs";
import { isObError, type LayerId, ObError } from "@ob/core";
import type { Lock } from "@ob/qcow2";
import { repairChain } from "../chain/backing-chain.ts";
import type { StoreContext } from "../context.ts";
import { lockShared } from "./gate.ts";
import { findLayer } from "./layers.ts";

/**
 * Keeps a layer from being deleted, and repairs its backing chain.
 *
 * @throws ObError `NO_SUCH_LAYER`, whose `data.layer` is the layer, if it is not there or was deleted meanwhile; `STORE`,
 *   `CANCELLED`.
 */
export async function pinLayer(context: StoreContext, id: LayerId, signal?: AbortSignal): Promise<Lock> {
  for (;;) {
    const layer = await findLayer(context, id);
    if (!layer) throw noSuchLayer(id);
    const before = fileAt(layer.disk);
    try {
      // Before the lock is taken: repairing a chain needs the exclusive one.
      await repairChain(context, id, signal);
    } catch (error) {
      using lock = await lockLayer(context, id, signal);
      void lock;
      // A layer that is the same one still has its chain. Another has been made since: what was read is of the former.
      if (before !== undefined && fileAt(layer.disk) === before) throw error;
      continue;
    }
    return await lockLayer(context, id, signal);
  }
}

/**
 * Keeps a layer from being deleted. Its backing chain may name files that are not there.
 *
 * @throws ObError `NO_SUCH_LAYER` as `pinLayer`, `CANCELLED`.
 */
export async function lockLayer(context: StoreContext, id: LayerId, signal?: AbortSignal): Promise<Lock> {
  const lock = await lockShared(context.layout, id, signal);
  try {
    if (await findLayer(context, id)) return lock;
    throw noSuchLayer(id);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** A layer that was deleted since it was found is as one that was not found. */
export function ifDeleted(error: unknown): undefined {
  if (!isObError(error, "NO_SUCH_LAYER")) throw error;
}

/** Distinguishes the file at `path` from others that were or will be there, whatever is written to it; undefined if there is none. */
function fileAt(path: string): string | undefined {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found && [found.dev, found.ino, found.birthtimeNs].join(" ");
}

function noSuchLayer(id: LayerId): ObError {
  return new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`, {
    hint: "It was never built, or has been deleted: build it (again).",
    data: { layer: id },
  });
}
