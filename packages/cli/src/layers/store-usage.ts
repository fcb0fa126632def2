import { readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { type CacheStore, diskUsage, errnoCode, type Store, type StoreLayout, storeLayout } from "@ob/core";
import { chainOf, type LayerView, viewLayers } from "./layer-view.ts";

/** What a part of a store takes on the host's disk. */
export interface PartUsage {
  readonly kind: "layers" | "caches" | "snapshots" | "images" | "downloads" | "unfinished" | "other";
  readonly count: number;
  /** In bytes. */
  readonly bytes: number;
  /** What `prune` could free at most, in bytes. */
  readonly reclaimable: number;
}

export interface LayerUsage {
  readonly layer: LayerView;
  /** Of its own files, in bytes. */
  readonly bytes: number;
  /** Of the layers below it, which others may be based on, too; in bytes. */
  readonly sharedBytes: number;
}

export interface StoreUsage {
  readonly parts: readonly PartUsage[];
  /** All parts, in bytes; as `du -s` counts the store's directory, if none of its directories is a link. */
  readonly bytes: number;
  readonly layers: readonly LayerUsage[];
  readonly caches: readonly { readonly name: string; readonly bytes: number; readonly lastUsed: Date }[];
  readonly snapshots: readonly { readonly name: string; readonly bytes: number }[];
}

/** `prune` frees nothing of it. */
const nothing = { reclaimable: 0 } as const;

/** Measures a store. What runs meanwhile changes it. */
export async function storeUsage(
  directory: string,
  { store, caches }: { store: Store; caches: CacheStore },
): Promise<StoreUsage> {
  const layout = storeLayout(directory);
  const layers = await layerUsage(layout, store);
  const snapshots = await sizesIn(join(layout.qemu, "snapshots"));
  const cacheList = await caches.list();
  const seen = new Set<string>();
  const measure = async (...paths: readonly string[]): Promise<number> => {
    let bytes = 0;
    for (const path of paths) bytes += await diskUsage(await target(path), seen);
    return bytes;
  };
  const kept = keptLayers(layers);
  const sum = (items: readonly { readonly bytes: number }[]) =>
    items.reduce((all, { bytes }) => all + bytes, 0);
  const loose = layers.filter(({ layer }) => !kept.has(layer.id));
  const parts: readonly PartUsage[] = [
    {
      kind: "layers",
      count: layers.length,
      bytes: await measure(layout.results),
      reclaimable: sum(loose),
    },
    {
      kind: "caches",
      count: cacheList.length,
      bytes: await measure(layout.caches, layout.temporaryCaches, layout.cacheTemplates),
      reclaimable: sum(cacheList),
    },
    {
      kind: "snapshots",
      count: snapshots.length,
      bytes: await measure(join(layout.qemu, "snapshots")),
      reclaimable: sum(snapshots),
    },
    { kind: "images", count: await countDisks(layout), bytes: await measure(layout.baseImages), ...nothing },
    {
      kind: "downloads",
      count: (await namesIn(layout.downloads)).length,
      bytes: await measure(layout.downloads),
      ...nothing,
    },
    {
      kind: "unfinished",
      count: (await store.unfinished()).length,
      bytes: await measure(layout.temporary),
      ...nothing,
    },
    // Last: all that was not counted yet.
    { kind: "other", count: 0, bytes: await measure(layout.root), ...nothing },
  ];
  return { parts, bytes: sum(parts), layers, caches: cacheList, snapshots };
}

async function layerUsage(layout: StoreLayout, store: Store): Promise<readonly LayerUsage[]> {
  const views = viewLayers(store);
  const own = new Map<string, number>();
  for (const { id } of views.values()) own.set(id, await diskUsage(join(layout.results, id)));
  return [...views.values()].map((layer) => {
    const below = chainOf(views, layer.id).slice(1);
    const sharedBytes = below.reduce((all, { id }) => all + (own.get(id) ?? 0), 0);
    return { layer, bytes: own.get(layer.id) ?? 0, sharedBytes };
  });
}

/** The layers that have a tag, and those that they are based on. */
function keptLayers(layers: readonly LayerUsage[]): ReadonlySet<string> {
  const views = new Map(layers.map(({ layer }) => [layer.id, layer]));
  const tagged = layers.filter(({ layer }) => layer.tags.length > 0);
  return new Set(tagged.flatMap(({ layer }) => chainOf(views, layer.id).map(({ id }) => id)));
}

async function sizesIn(
  directory: string,
): Promise<readonly { readonly name: string; readonly bytes: number }[]> {
  const found: { readonly name: string; readonly bytes: number }[] = [];
  for (const name of await namesIn(directory))
    found.push({ name, bytes: await diskUsage(join(directory, name)) });
  return found;
}

async function countDisks({ baseImages }: StoreLayout): Promise<number> {
  return (await namesIn(baseImages)).filter((name) => name.endsWith(".qcow2")).length;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return await readdir(directory).catch((error: unknown) => {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  });
}

/** Each directory of a store can be a link to another place. */
async function target(path: string): Promise<string> {
  return await realpath(path).catch(() => path);
}
