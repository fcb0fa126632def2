import type { Emit, Store } from "@ob/core";
import type { LogArchive } from "../logs/archive.ts";
import type { LayerStates } from "../redis/layer-states.ts";
import type { News } from "../redis/news.ts";
import type { ClaimKeeper } from "./claim-keeper.ts";
import type { LayerTransport } from "./layer-transport.ts";
import type { Publisher } from "./publisher.ts";

/** What all chains of a worker share. */
export interface ClusterPorts {
  /** The worker's name. */
  readonly worker: string;
  /** The worker's own store. */
  readonly store: Store;
  readonly transport: LayerTransport;
  readonly archive: LogArchive | undefined;
  readonly states: LayerStates;
  readonly keeper: ClaimKeeper;
  readonly publisher: Publisher;
  readonly news: News;
  readonly emit: Emit;
}
