import type { LayerId } from "@ob/core";
import type { PublishedLayer } from "../redis/layer-states.ts";

/** What became of a fetch. */
export type Fetched =
  | "fetched"
  /** The registry no longer has that version, or a part of it. */
  | "gone"
  /** The store has another version of the layer, or of one that it is based on, and that is in use. */
  | "conflict";

/**
 * Moves layers between a worker's store and what all machines share, for example a registry. An id names the inputs of a
 * step and not its bytes, so each version of a layer has a digest, which covers the versions that it is based on.
 */
export interface LayerTransport {
  /** The digest of the version that is shared; undefined if there is none. */
  has(id: LayerId): Promise<string | undefined>;
  /** The digest of the version in the store; undefined if it is not there, or was never shared. */
  localDigest(id: LayerId): Promise<string | undefined>;
  /**
   * Puts this very version into the store, with all that it is based on. Other versions of these layers are deleted
   * first, unless they are in use.
   */
  fetch(id: LayerId, digest: string, signal?: AbortSignal): Promise<Fetched>;
  /** Shares the version in the store. What it is based on has been shared before. */
  publish(id: LayerId, signal?: AbortSignal): Promise<PublishedLayer>;
}
