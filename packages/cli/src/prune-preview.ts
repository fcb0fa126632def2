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
  const left = new Map([...records].map((record) => [record.id, { ...record }]));
  const gone: LayerId[] = [];
  while (gone.length < limit) {
    const next = [...left.values()].find(
      ({ dependents, lastUsed }) => dependents === 0 && lastUsed.getTime() < before.getTime(),
    );
    if (!next) break;
    left.delete(next.id);
    gone.push(next.id);
    const parent = next.parent === undefined ? undefined : left.get(next.parent);
    if (parent) left.set(parent.id, { ...parent, dependents: parent.dependents - 1 });
  }
  return gone;
}
