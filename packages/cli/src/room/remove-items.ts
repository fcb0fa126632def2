import { type Emit, errorMessage, isObError, type LayerId, throwIfCancelled } from "@ob/core";
import { printableLine } from "../output/printable.ts";
import type { PruneItem, PrunePorts } from "./prune-item.ts";

export interface RemoveOptions {
  /** Layers that were used since then stay. */
  readonly before: Date;
  /** Removes layers that have tags, too. */
  readonly tagged?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Called with each just before it is removed. */
  readonly onRemove: (item: PruneItem) => void;
}

/** Removes what was planned, unless something has begun to use it. @returns what was removed. */
export async function removeItems(
  items: readonly PruneItem[],
  { store, caches, services, location }: PrunePorts,
  { before, tagged, signal, emit, onRemove }: RemoveOptions,
): Promise<readonly PruneItem[]> {
  const removed: PruneItem[] = [];
  const remove = (item: PruneItem): void => {
    removed.push(item);
    onRemove(item);
  };
  const layers = new Map<LayerId, PruneItem>();
  for (const item of items) if (item.type === "layer") layers.set(item.id, item);
  if (layers.size > 0) {
    const onDelete = (id: LayerId): void => {
      const item = layers.get(id);
      if (item) remove(item);
    };
    await store.prune({ before, tagged, only: new Set(layers.keys()), signal, onDelete });
  }
  for (const item of items) {
    if (item.type === "layer") continue;
    throwIfCancelled(signal);
    if (item.type === "snapshot") {
      await services.removeSnapshots([item.id], { location });
      remove(item);
    } else if (await removeCache(item.id)) remove(item);
  }
  return removed;

  /** A cache that a step has begun to use does not keep the others. */
  async function removeCache(name: string): Promise<boolean> {
    return await caches.remove(name).catch((error: unknown) => {
      if (!isObError(error, "CACHE")) throw error;
      emit({ type: "log", level: "warning", text: errorMessage(error) });
      return false;
    });
  }
}

/** What is said of an item: a layer by its id, another with what it is. */
export function itemName({ type, id }: PruneItem): string {
  return type === "layer" ? id : `${type} ${printableLine(id)}`;
}

/** `2 layers, 1 cache, 3 builds`: layers always, others if there are any. */
export function countItems(items: readonly PruneItem[], builds = 0): string {
  const count = (type: PruneItem["type"]): number => items.filter((item) => item.type === type).length;
  const text = (number: number, one: string): string => `${number} ${one}${number === 1 ? "" : "s"}`;
  return [
    text(count("layer"), "layer"),
    ...(["cache", "snapshot"] as const).flatMap((type) => (count(type) > 0 ? [text(count(type), type)] : [])),
    ...(builds > 0 ? [text(builds, "build")] : []),
  ].join(", ");
}

/** What a prune has removed, or would remove, as JSON; the fields are part of the interface, see docs/cli.md. */
export function removalFields(
  items: readonly PruneItem[],
  { dryRun, builds }: { readonly dryRun: boolean; readonly builds: number },
) {
  return {
    dryRun,
    bytes: items.reduce((sum, { bytes }) => sum + bytes, 0),
    builds,
    removed: items.map(({ type, id, description, bytes, lastUsed }) => ({
      ...{ type, id, description: description === "" ? null : description, bytes },
      lastUsed: lastUsed.toISOString(),
    })),
  };
}
