import { setTimeout as delay } from "node:timers/promises";
import { type LayerId, layerLock, type StoreLayout, throwIfCancelled, within } from "@ob/core";
import { type Lock, type LockMode, tryLock, waitForLock, withLock } from "@ob/qcow2";

interface GateOptions {
  readonly mode: LockMode;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The gate is between what deletes layers, which holds it exclusively, and what adds or needs them, which holds it shared.
 * Behind it the layers, their parents and their tags stay as they are, so that a deletion can check one layer after the
 * other, however many there are:
 * - A user of a layer takes the layer's lock, shared, behind the gate.
 * - A layer is published behind it: directory, parent and row appear together.
 * - A layer that the database lacks is added behind it, and so is a tag.
 *
 * Who is behind the gate waits for no layer's lock: else two could wait for each other.
 */
export async function enterGate({ locks }: StoreLayout, { mode, signal }: GateOptions): Promise<Lock> {
  return await waitForLock(within(locks, "gate"), mode, signal);
}

/** Runs `work` behind the gate. */
export async function behindGate<T>(
  layout: StoreLayout,
  options: GateOptions,
  work: () => Promise<T>,
): Promise<T> {
  return await withLock(await enterGate(layout, options), work);
}

/** Keeps a layer from being deleted. @throws ObError `CANCELLED`. */
export async function lockShared(layout: StoreLayout, id: LayerId, signal?: AbortSignal): Promise<Lock> {
  for (;;) {
    const lock = await behindGate(layout, { mode: "shared", signal }, () =>
      tryLock(layerLock(layout, id), "shared"),
    );
    if (lock) return lock;
    throwIfCancelled(signal);
    await delay(10 + Math.random() * 20);
  }
}
