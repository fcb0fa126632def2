import { type LayerId, ObError, orCancelled, type Store } from "@ob/core";
import type { LayerStates } from "../redis/layer-states.ts";
import type { LayerTransport } from "./layer-transport.ts";
import type { Publisher } from "./publisher.ts";

export interface LocalVersionsOptions {
  readonly store: Store;
  readonly states: LayerStates;
  readonly transport: LayerTransport;
  readonly publisher: Publisher;
}

/** Makes sure that the worker's store has the version of a layer that the cluster uses. */
export class LocalVersions {
  readonly #options: LocalVersionsOptions;
  readonly #fetching = new Map<LayerId, Promise<void>>();
  /** Layers that were seen in the store in the version of the cluster. */
  readonly #local = new Set<LayerId>();

  constructor(options: LocalVersionsOptions) {
    this.#options = options;
  }

  /** True if the layer was seen in the store. */
  isLocal(id: LayerId): boolean {
    return this.#local.has(id);
  }

  /**
   * Resolves when the store has the layer. Several who wait for it share one fetch.
   *
   * @throws ObError `NO_SUCH_LAYER` if it is nowhere, `LAYER_BUSY` if the store has another version that is in use.
   */
  async require(id: LayerId, signal?: AbortSignal): Promise<void> {
    if (this.#options.publisher.isPending(id)) return;
    let fetching = this.#fetching.get(id);
    if (!fetching) {
      fetching = this.#fetch(id).finally(() => this.#fetching.delete(id));
      this.#fetching.set(id, fetching);
    }
    await orCancelled(fetching, signal);
  }

  async #fetch(id: LayerId): Promise<void> {
    const { store, states, transport } = this.#options;
    const digest = await this.#digestOf(id);
    if (digest === undefined) throw gone(id);
    const here = (await store.find(id)) && (await transport.localDigest(id)) === digest;
    const fetched = here ? "fetched" : await transport.fetch(id, digest);
    switch (fetched) {
      case "fetched":
        this.#local.add(id);
        return;
      case "gone":
        await states.forget(id, digest);
        throw gone(id);
      case "conflict":
        throw new ObError("LAYER_BUSY", `This worker uses another version of the layer ${id}.`);
    }
  }

  async #digestOf(id: LayerId): Promise<string | undefined> {
    const { states, transport } = this.#options;
    const [state] = await states.states([id]);
    if (state?.kind === "published") return state.digest;
    const shared = await transport.has(id);
    return shared === undefined ? undefined : await states.adopt(id, shared);
  }
}

function gone(id: LayerId): ObError {
  return new ObError("NO_SUCH_LAYER", `The layer ${id} is no longer shared; it must be built again.`);
}
