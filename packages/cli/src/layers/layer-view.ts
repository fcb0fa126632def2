import { diskUsage, type LayerId, type LayerRecord, type RecordedStep, type Store } from "@ob/core";

/** A layer with what the store knows of it. */
export interface LayerView extends Omit<LayerRecord, "dependents"> {
  readonly tags: readonly string[];
  /** Undefined for layers of the original, of older versions and from a registry. */
  readonly step: RecordedStep | undefined;
  /** The layers that have this one as their base. */
  readonly children: readonly LayerId[];
}

/** All layers, by id, least recently used first. */
export function viewLayers(store: Store): ReadonlyMap<LayerId, LayerView> {
  const steps = store.steps();
  const tags = Map.groupBy(store.tags(), ({ id }) => id);
  const records = [...store.list()];
  const children = Map.groupBy(records, ({ parent }) => parent);
  return new Map(
    records.map(({ id, parent, created, lastUsed }) => [
      id,
      {
        ...{ id, parent, created, lastUsed },
        tags: (tags.get(id) ?? []).map(({ name }) => name),
        step: steps.get(id),
        children: (children.get(id) ?? []).map((child) => child.id),
      },
    ]),
  );
}

/** A layer and those below it, the base layer last. */
export function chainOf(layers: ReadonlyMap<LayerId, LayerView>, id: LayerId): readonly LayerView[] {
  const chain: LayerView[] = [];
  for (
    let next = layers.get(id);
    next;
    next = next.parent === undefined ? undefined : layers.get(next.parent)
  ) {
    chain.push(next);
  }
  return chain;
}

/** The space of a layer's own files on the host's disk, in bytes. */
export async function layerBytes(store: Store, id: LayerId): Promise<number> {
  const layer = await store.find(id);
  return layer ? await diskUsage(layer.directory) : 0;
}

/** The fields of a layer in JSON; they are part of the interface, see docs/cli.md. */
export function layerFields(
  { id, tags, step, parent, children, created, lastUsed }: LayerView,
  bytes: number,
) {
  return {
    id,
    tags,
    op: step?.op ?? null,
    heading: step?.heading ?? null,
    base: parent ?? null,
    children,
    created: created.toISOString(),
    lastUsed: lastUsed.toISOString(),
    milliseconds: step?.milliseconds ?? null,
    bytes,
  };
}
