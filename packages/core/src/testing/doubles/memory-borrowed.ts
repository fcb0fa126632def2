import type { LayerId } from "../../layer-id.ts";
import type { HeldLayer } from "../../ports/shared-layer.ts";
import type { ScratchDisk } from "../../ports/store.ts";
import { chainOf, type MemoryLayer, noSuchLayer } from "./memory-layer.ts";

/** What of a `MemoryStore`'s layers is in use besides by writers: scratch disks and held layers. */
export class Borrowed {
  readonly #scratchDisks = new Map<object, LayerId>();
  readonly #held = new Map<object, LayerId>();

  /** Those that were not disposed of. */
  get scratchDisks(): number {
    return this.#scratchDisks.size;
  }

  has(id: LayerId): boolean {
    return [...this.#scratchDisks.values(), ...this.#held.values()].includes(id);
  }

  scratchDisk(id: LayerId): ScratchDisk {
    const scratch: ScratchDisk = {
      layer: id,
      disk: `/memory/result-tmp/borrowed-${crypto.randomUUID()}/rootfs/image.qcow2`,
      [Symbol.asyncDispose]: async () => void this.#scratchDisks.delete(scratch),
    };
    this.#scratchDisks.set(scratch, id);
    return scratch;
  }

  held(id: LayerId, layers: ReadonlyMap<LayerId, MemoryLayer>): HeldLayer {
    const layer = layers.get(id);
    if (!layer) throw noSuchLayer(id);
    const held: HeldLayer = {
      id,
      chain: chainOf(layer, layers),
      log: `${layer.directory}/log`,
      [Symbol.asyncDispose]: async () => void this.#held.delete(held),
    };
    this.#held.set(held, id);
    return held;
  }
}
