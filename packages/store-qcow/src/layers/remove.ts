import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import {
  type LayerId,
  layerLock,
  type StoreLayout,
  type DeleteLayerOptions,
  errorMessage,
  type LayerTag,
  ObError,
  type PruneOptions,
  resultDirectory,
  errnoCode,
  toStoreError,
  within,
} from "@ob/core";
import { isFree, isLockedExclusively, syncPath } from "@ob/qcow2";
import type { StoreContext } from "../context.ts";
import { behindGate } from "./gate.ts";
import { addPending, findBehindGate, layerOnDisk } from "./layers.ts";

/** How many layers `prune` deletes before it releases the gate for a moment. */
const batch = 200;

/** See `Store.delete`. */
export async function deleteLayer(
  context: StoreContext,
  id: LayerId,
  { onDelete, force = false }: DeleteLayerOptions,
): Promise<readonly LayerId[]> {
  const { layout, database } = context;
  return await deleteAll(context, { wanted: id, onDelete }, async () => {
    await findBehindGate(context, id);
    const family = database.descendants(id);
    if (family.length === 0) throw nothingToDelete(layout, id);
    if (!force) refuseTagged(database.tags.list(), { family, wanted: id });
    return family;
  });
}

/**
 * Removes the dependents of a missing layer that is about to be made again: their disks depend on the former disk.
 *
 * @throws ObError `LAYER_BUSY`.
 */
export async function removeDependents(context: StoreContext, id: LayerId): Promise<void> {
  const dependents = (): readonly LayerId[] =>
    context.database.descendants(id).filter((member) => member !== id);
  if (dependents().length === 0) return;
  await deleteAll(context, { wanted: id, onDelete: undefined }, async () => dependents());
}

/** Deletes all layers that `choose` returns, or none if one is in use. */
async function deleteAll(
  context: StoreContext,
  { wanted, onDelete }: { wanted: LayerId; onDelete: DeleteLayerOptions["onDelete"] },
  choose: () => Promise<readonly LayerId[]>,
): Promise<readonly LayerId[]> {
  const { layout } = context;
  const trash: string[] = [];
  try {
    return await behindGate(layout, { mode: "exclusive" }, async () => {
      await addPending(context);
      const chosen = await choose();
      for (const id of chosen) {
        if (await isUnused(layout, id)) continue;
        // A dependent that is not on disk, but locked, is being made anew: only its old row goes.
        if (id === wanted || (await layerOnDisk(layout, id))) throw busy(id, wanted);
      }
      await moveAway(context, chosen, { trash, onDelete });
      deleteRows(context, chosen);
      return chosen;
    });
  } finally {
    await emptyTrash(context, trash);
  }
}

/** See `Store.prune`. Layers in use stay, and so do their parents, and layers that are published meanwhile. */
export async function pruneLayers(context: StoreContext, options: PruneOptions): Promise<readonly LayerId[]> {
  const { before, only, tagged = false, limit = Number.POSITIVE_INFINITY, signal } = options;
  const gone: LayerId[] = [];
  const used = new Set<LayerId>();
  let known: ReadonlySet<LayerId> | undefined;
  for (;;) {
    const trash: string[] = [];
    try {
      const looked = await behindGate(context.layout, { mode: "exclusive", signal }, async () => {
        await addPending(context);
        known ??= new Set(context.database.list().map(({ id }) => id));
        const count = Math.min(batch, limit - gone.length);
        // With `only`, what is wanted can be anywhere among the others.
        const most = only ? Number.MAX_SAFE_INTEGER : count + used.size;
        const unused = context.database.unused(before, { tagged, limit: most });
        const next = unused.filter((id) => !used.has(id) && only?.has(id) !== false).slice(0, count);
        const free: LayerId[] = [];
        for (const id of next) {
          if (known.has(id) && (await isUnused(context.layout, id))) free.push(id);
          else used.add(id);
        }
        await moveAway(context, free, { trash, onDelete: options.onDelete });
        deleteRows(context, free);
        gone.push(...free);
        return next.length;
      });
      if (looked === 0) return gone;
    } finally {
      await emptyTrash(context, trash);
    }
  }
}

/** See `Store.inUse`. */
export async function layersInUse({ layout, database }: StoreContext): Promise<ReadonlySet<LayerId>> {
  const used = new Set<LayerId>();
  for (const { id } of database.list()) if (!(await isUnused(layout, id))) used.add(id);
  return used;
}

/** A check whether a lock is free takes it for a moment: one try is not enough. */
async function isUnused(layout: StoreLayout, id: LayerId): Promise<boolean> {
  for (let attempt = 1; attempt <= 5; attempt += 1) {
    if (isFree(layerLock(layout, id))) return true;
    await delay(5 * attempt);
  }
  return false;
}

/**
 * Removes layers, dependents first, so that whatever happens none is left without its parent: a host that crashes may keep a later
 * rename and lose an earlier one, unless the directory was flushed between the two. When it returns, a crash brings no layer back.
 *
 * @param ids dependents before their parents.
 * @param options.trash gets the paths where the layers are now.
 */
async function moveAway(
  { layout, database }: StoreContext,
  ids: readonly LayerId[],
  { trash, onDelete }: { readonly trash: string[]; readonly onDelete: DeleteLayerOptions["onDelete"] },
): Promise<void> {
  const parents = new Set<LayerId>();
  for (const id of ids) {
    if (parents.has(id)) {
      await syncPath(layout.results);
      parents.clear();
    }
    onDelete?.(id);
    trash.push(...(await moveToTrash(layout, id)));
    const parent = database.parentOf(id);
    if (parent) parents.add(parent);
  }
  if (ids.length > 0) await syncPath(layout.results);
}

/** Removes a layer by one rename; deleting its files takes longer. */
async function moveToTrash(layout: StoreLayout, id: LayerId): Promise<readonly string[]> {
  const path = within(layout.temporary, `trash-${randomUUID()}`);
  try {
    await rename(resultDirectory(layout, id), path);
    return [path];
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw toStoreError(error, `delete layer ${id}`);
  }
}

/** On a full disk the rows may stay: a row without a layer does no harm, and the next `prune` deletes it. */
function deleteRows({ database, emit }: StoreContext, ids: readonly LayerId[]): void {
  try {
    database.remove(ids);
  } catch (error) {
    const failure = toStoreError(error, "remove deleted layers from the database");
    if (failure.code !== "NO_SPACE") throw failure;
    emit({ type: "log", level: "warning", text: failure.message });
  }
}

/** The layers are gone already. Opening the store retries what cannot be removed now. */
async function emptyTrash({ emit }: StoreContext, trash: readonly string[]): Promise<void> {
  for (const path of trash) {
    await rm(path, { recursive: true, force: true, maxRetries: 3 }).catch((error: unknown) => {
      emit({ type: "log", level: "warning", text: `Cannot remove ${path}: ${errorMessage(error)}` });
    });
  }
}

function nothingToDelete(layout: StoreLayout, id: LayerId): ObError {
  if (isLockedExclusively(layerLock(layout, id))) return busy(id, id);
  return new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`, {
    hint: "`---> saved as` in a build's output has the ids of its layers.",
  });
}

function refuseTagged(
  tags: readonly LayerTag[],
  { family, wanted }: { readonly family: readonly LayerId[]; readonly wanted: LayerId },
): void {
  const members = new Set(family);
  const found = tags.filter(({ id }) => members.has(id));
  const [first] = found;
  if (!first) return;
  const names = found.map(({ name }) => name).join(", ");
  const which = found.every(({ id }) => id === wanted)
    ? `Layer ${wanted} has the tag ${names}`
    : `Layer ${wanted}, or layers based on it, have the tags ${names}`;
  throw new ObError("LAYER_BUSY", `${which}; nothing was deleted.`, { data: { tags: names } });
}

function busy(id: LayerId, wanted: LayerId): ObError {
  const which =
    id === wanted ? `Layer ${id} is in use` : `Layer ${id}, which depends on ${wanted}, is in use`;
  return new ObError("LAYER_BUSY", `${which}; nothing was deleted.`, {
    hint: "A running build uses it. Wait for its end, or cancel it.",
  });
}
