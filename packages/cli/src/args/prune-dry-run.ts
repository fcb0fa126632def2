import type { LayerId, LayerRecord } from "@ob/core";

export interface PrunePreview {
  readonly before: Date;
  readonly limit?: number | undefined;
  /** Layers that are kept: those that have tags. By default none. */
  readonly kept?: ReadonlySet<LayerId> | undefined;
}

/**
 * The layers that `Store.prune` would delete, in its order: those that no other layer is based on, least recently used
 * first. A layer that is in use is listed too, though the store would keep it.
 *
 * @param records least recently used first.
 */
export function previewPrune(records: Iterable<LayerRecord>, options: PrunePreview): readonly LayerId[] {
  const { before, limit = Number.POSITIVE_INFINITY, kept } = options;
  const layers = [...records].map((record) => ({ ...record }));
  const indexes = new Map(layers.map(({ id }, index) => [id, index]));
  const gone = new Set<LayerId>();
  for (let index = 0; index < layers.length && gone.size < limit;) {
    const layer = layers[index];
    if (
      !layer ||
      layer.dependents > 0 ||
      layer.lastUsed >= before ||
      gone.has(layer.id) ||
      kept?.has(layer.id)
    ) {
      index++;
      continue;
    }
    gone.add(layer.id);
    const parentIndex = layer.parent === undefined ? undefined : indexes.get(layer.parent);
    const parent = parentIndex === undefined ? undefined : layers[parentIndex];
    if (parentIndex === undefined || !parent) continue;
    parent.dependents--;
    // It was skipped because of the layers based on it.
    if (parent.dependents === 0) index = Math.min(index, parentIndex);
  }
  return [...gone];
}
