import { ObError } from "../../errors.ts";
import type { LayerId } from "../../layer-id.ts";
import type { Layer } from "../../ports/store.ts";
import type { MemoryImage } from "./memory-store-options.ts";

/** A layer of a `MemoryStore`. */
export interface MemoryLayer extends Layer {
  readonly parent: LayerId | undefined;
  readonly created: Date;
  readonly base: MemoryImage | undefined;
}

type Layers = ReadonlyMap<LayerId, MemoryLayer>;

/** The layers that are based on this one directly. */
export function dependentsOf(id: LayerId, layers: Layers): readonly LayerId[] {
  return [...layers.values()].filter((layer) => layer.parent === id).map((layer) => layer.id);
}

/** All layers that are based on this one, dependents first, and then it itself. */
export function withDependents(id: LayerId, layers: Layers): readonly LayerId[] {
  return [...dependentsOf(id, layers).flatMap((child) => withDependents(child, layers)), id];
}

export function noSuchLayer(id: LayerId): ObError {
  return new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`);
}
