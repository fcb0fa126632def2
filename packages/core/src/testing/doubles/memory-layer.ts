import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256File } from "../../digest.ts";
import { ObError } from "../../errors.ts";
import type { LayerId } from "../../layer-id.ts";
import type { ChainDisk, LayerImport } from "../../ports/shared-layer.ts";
import type { Layer } from "../../ports/store.ts";
import type { MemoryImage } from "./memory-store-options.ts";

/** A layer of a `MemoryStore`. */
export interface MemoryLayer extends Layer {
  readonly parent: LayerId | undefined;
  readonly created: Date;
  readonly base: MemoryImage | undefined;
  /** Stands for the contents of its disk, which does not exist. */
  readonly digest: string;
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

/** The disks of a layer's backing chain, the base layer's first. */
export function chainOf(layer: MemoryLayer, layers: Layers): readonly ChainDisk[] {
  const parent = layer.parent && layers.get(layer.parent);
  const { id, disk, digest } = layer;
  return [...(parent ? chainOf(parent, layers) : []), { layer: id, disk, size: 1, digest }];
}

export function noSuchLayer(id: LayerId): ObError {
  return new ObError("NO_SUCH_LAYER", `The store has no layer ${id}.`, { data: { layer: id } });
}

/** Compares what an import writes with its digest. The file is removed: no disk is kept. */
export async function checkImport(layer: LayerImport, signal: AbortSignal | undefined): Promise<void> {
  const path = join(tmpdir(), `memory-${crypto.randomUUID()}`);
  try {
    await layer.write(path, signal);
    if ((await sha256File(path)) !== layer.digest) throw new ObError("STORE", "The disk has another digest.");
  } finally {
    await rm(path, { force: true });
  }
}
