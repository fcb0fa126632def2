import type { CacheStore, LayerId, Store } from "@ob/core";
import { layerBytes, viewLayers } from "../layers/layer-view.ts";
import type { Services } from "../services.ts";
import type { StoreLocation } from "../args/store-location.ts";

interface ItemFacts {
  /** Of its own files on the host's disk, in bytes; 0 if that was not measured. */
  readonly bytes: number;
  readonly lastUsed: Date;
  /** A step, or the name of a cache or snapshot. */
  readonly description: string;
  /** True if a build uses it now: it cannot be removed. */
  readonly inUse: boolean;
}

export interface LayerItem extends ItemFacts {
  readonly type: "layer";
  readonly id: LayerId;
  readonly parent: LayerId | undefined;
  readonly tags: readonly string[];
}

/** A cache or a VM snapshot, by its name. */
export interface OtherItem extends ItemFacts {
  readonly type: "cache" | "snapshot";
  readonly id: string;
}

/** What takes space in a store and can be made again. */
export type PruneItem = LayerItem | OtherItem;

export interface PrunePorts {
  readonly store: Store;
  readonly caches: CacheStore;
  readonly services: Services;
  readonly location: StoreLocation;
}

export interface CollectOptions {
  /** By default true. Without it the sizes of layers are 0. */
  readonly measures?: boolean | undefined;
}

/** All layers, least recently used first, then the caches and the VM snapshots. */
export async function collectItems(
  { store, caches, services, location }: PrunePorts,
  { measures = true }: CollectOptions = {},
): Promise<readonly PruneItem[]> {
  const used = await store.inUse();
  const layers: LayerItem[] = [];
  for (const { id, parent, lastUsed, tags, step } of viewLayers(store).values()) {
    const bytes = measures ? await layerBytes(store, id) : 0;
    const description = step?.heading ?? "";
    layers.push({ type: "layer", id, parent, lastUsed, tags, description, bytes, inUse: used.has(id) });
  }
  const others = [
    ...(await caches.list()).map((cache) => ({ type: "cache" as const, ...cache })),
    ...(await services.listSnapshots({ location })).map((each) => ({
      ...{ type: "snapshot" as const, ...each, inUse: false },
    })),
  ].map(({ type, name, bytes, lastUsed, inUse }) => ({
    ...{ type, id: name, description: name, bytes, lastUsed, inUse },
  }));
  return [...layers, ...others];
}
