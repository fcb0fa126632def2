import type { LayerId, LayerRecord } from "@ob/core";

export interface PrunePreview {
  readonly before: Date;
  readonly limit?: number | undefined;
}

/**
 * The layers that `Store.prune` would delete, in its order: those that no other stands on, least recently used
 * first, until none is left. One that is in use is listed too, and the store would leave it.
 *
 * @param records least recently used first.
 */
export function previewPrune(records: Iterable<LayerRecord>, options: PrunePreview): readonly LayerId[] {
  const { before, limit = Number.POSITIVE_INFINITY } = options;
  const layers = [...records].map((record) => ({ ...record }));
  const places = new Map(layers.map(({ id }, place) => [id, place]));
  const gone = new Set<LayerId>();
  for (let place = 0; place < layers.length && gone.size < limit;) {
    const layer = layers[place];
    if (!layer || layer.dependents > 0 || layer.lastUsed >= before || gone.has(layer.id)) {
      place++;
      continue;
    }
    gone.add(layer.id);
    const under = layer.parent === undefined ? undefined : places.get(layer.parent);
    const parent = under === undefined ? undefined : layers[under];
    if (under === undefined || !parent) continue;
    parent.dependents--;
    // It was passed over for what stood on it.
    if (parent.dependents === 0) place = Math.min(place, under);
  }
  return [...gone];
}
