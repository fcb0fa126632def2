import type { LayerId } from "../../layer-id.ts";
import type { LayerRenewals } from "../../ports/layer-renewals.ts";

/** Renewals in memory. */
export class MemoryRenewals implements LayerRenewals {
  readonly #renewed = new Map<LayerId, LayerId>();

  current(id: LayerId): LayerId {
    return this.#renewed.get(id) ?? id;
  }

  renew(id: LayerId, by: LayerId): void {
    this.#renewed.set(id, by);
  }
}
