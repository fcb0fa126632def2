import type { LayerId } from "../layer-id.ts";

/**
 * Which layer stands for a step since the step was run anew. Both layers can be in the store: the older one, and what is based
 * on it, is no longer used by builds.
 */
export interface LayerRenewals {
  /** The layer that stands for a step whose id is `id`, which need not exist; `id` itself if the step was never run anew. */
  current(id: LayerId): LayerId;
  /** From now on `by` stands for the step. */
  renew(id: LayerId, by: LayerId): void;
}
