import type { LayerId } from "@ob/core";

/*
 * Every name in Redis. The number is the version of what is stored under it: a change that older workers or clients would
 * misread gets a new one, and the two then do not see each other.
 */
const prefix = "ob:1:";

/** The prefix of BullMQ's own keys. */
export const queuePrefix = `${prefix}q`;
/** The queue of builds; the chains of a pool wait in `chainQueue`. */
export const buildQueue = "ob-builds";

export function chainQueue(pool: string): string {
  return `ob-${pool}`;
}

export const keys = {
  /** A string: the owner, `WORKER TOKEN`. It expires unless it is renewed. */
  claim: (id: LayerId) => `${prefix}claim:${id}`,
  /** A hash: `state` (`made` or `published`), and `digest` once it is published. */
  layer: (id: LayerId) => `${prefix}layer:${id}`,
  /** A set: the builds that want the layer. */
  wants: (id: LayerId) => `${prefix}wants:${id}`,
  /** A list: the workers that have begun the layer and neither made it nor given it up. */
  attempts: (id: LayerId) => `${prefix}attempts:${id}`,
  /** A string: the `FailureRecord` of the last attempt. */
  failure: (id: LayerId) => `${prefix}failure:${id}`,
  /** A stream: the log of the layer, an entry for a batch of output. */
  log: (id: LayerId) => `${prefix}log:${id}`,
  /** A list: the chunks of the log's beginning that were moved to the archive, `ArchivedChunk`. */
  archived: (id: LayerId) => `${prefix}archived:${id}`,
  /** A stream: the builds that clients have submitted and no engine has accepted, a field `build` for each. */
  submissions: `${prefix}submissions`,
  /** A string: what a client has submitted, `Submission`. It goes when an engine has accepted it. */
  submission: (build: string) => `${prefix}submission:${build}`,
  /** A string: the sealed secrets of a build. It goes with the build's end. */
  secrets: (build: string) => `${prefix}secrets:${build}`,
  /** A string: it is there if the build was cancelled. */
  cancel: (build: string) => `${prefix}cancel:${build}`,
  /** A string: the `FailureRecord` of a build that cannot be built as it was submitted, whatever becomes of its layers. */
  fault: (build: string) => `${prefix}fault:${build}`,
  /** A hash: the build's record, and its outcome. Engines write it, once; clients read it. */
  build: (build: string) => `${prefix}build:${build}`,
  /** A stream: the events of the build. */
  events: (build: string) => `${prefix}events:${build}`,
  /** A string: what a worker says of itself. */
  worker: (name: string) => `${prefix}worker:${name}`,
  /** A set: the names of all workers. */
  workers: `${prefix}workers`,
  /** A hash: until when each client of a pool has used its share; and the `now` of the pool. */
  shares: (pool: string) => `${prefix}shares:${pool}`,
} as const;

export const channels = {
  /** What has happened to a layer: see `LayerNews`. */
  done: `${prefix}done`,
  /** The ids of builds that were cancelled, or have a fault. */
  cancelled: `${prefix}cancelled`,
  /** Commands to one worker: see `WorkerCommand`. */
  worker: (name: string) => `${channels.workerPrefix}${name}`,
  workerPrefix: `${prefix}commands:`,
} as const;
