import { hostname } from "node:os";
import {
  type CacheStore,
  checkOptions,
  type Emit,
  noopEmit,
  ObError,
  type Sandbox,
  type Store,
} from "@ob/core";
import { shownQueues } from "../board/shown-queues.ts";
import { ClaimKeeper } from "../claims/claim-keeper.ts";
import type { LayerTransport } from "../claims/layer-transport.ts";
import { LocalVersions } from "../claims/local-versions.ts";
import { Publisher } from "../claims/publisher.ts";
import { ChainQueues } from "../engine/chain-queues.ts";
import type { LogArchive } from "../logs/archive.ts";
import { connectRedis, type RedisAddress } from "../redis/connect.ts";
import { LayerStates } from "../redis/layer-states.ts";
import { nameSchema } from "../redis/messages.ts";
import { News } from "../redis/news.ts";
import { timing } from "../timing.ts";
import * as v from "valibot";
import { poolQueues } from "../watch/pool-queues.ts";
import type { WorkerWatch } from "../watch/worker-watch.ts";
import type { ContextTransport } from "./context-transport.ts";
import { forgetDeadWorkers, Heartbeat } from "./heartbeat.ts";
import { type ClusterWorker, WorkerProcess } from "./worker-process.ts";

export interface WorkerOptions {
  readonly redis: RedisAddress;
  /** Its name in the cluster, of letters, digits, `.`, `_` and `-`. Two workers with one name must not run at a time. */
  readonly name: string;
  /** The pools that it builds for: `OS-ARCH-ACCELERATOR-MEMORY`. None for a worker that only runs engines. */
  readonly pools: readonly string[];
  /** How many chains it builds at a time, of all pools together; by default 1. Each has a virtual machine. */
  readonly slots?: number | undefined;
  readonly store: Store;
  readonly sandbox: Sandbox;
  readonly caches: CacheStore;
  readonly transport: LayerTransport;
  /** Needed for builds that copy from their context. */
  readonly contexts?: ContextTransport | undefined;
  /** Where the beginnings of logs of more than 8 MiB go; by default they are dropped. */
  readonly archive?: LogArchive | undefined;
  /** The private key of the pools, `AGE-SECRET-KEY-1…`; needed for builds with secrets. */
  readonly identity?: string | undefined;
  /** How many builds its engine looks after at a time; by default 50, 0 for none. */
  readonly engines?: number | undefined;
  /**
   * How long Redis may be silent while the worker is drained or disposed of, in milliseconds; by default 15,000. After that it
   * ends without Redis.
   */
  readonly drainPatience?: number | undefined;
  /** Called once when it begins to drain: what it keeps ready for more work is not needed any more. */
  readonly onDrain?: (() => void) | undefined;
  readonly emit?: Emit | undefined;
  /** Is told what the worker does. */
  readonly watch?: WorkerWatch | undefined;
}

/**
 * Starts a worker: it takes chains from the queues of its pools, and builds them with the ports that it is given, which
 * stay the caller's. It also runs engines, which look after whole builds.
 *
 * @throws ObError `USAGE` for a name that is not one.
 */
export async function startWorker(options: WorkerOptions): Promise<ClusterWorker> {
  checkOptions("startWorker", options, {
    redis: "object",
    name: "string",
    pools: "array",
    slots: "number?",
    store: "object",
    sandbox: "object",
    caches: "object",
    transport: "object",
    engines: "number?",
    drainPatience: "number?",
    onDrain: "function?",
  });
  for (const name of [options.name, ...options.pools]) checkName(name);
  const { store, sandbox, caches, transport, contexts, archive, identity, emit = noopEmit } = options;
  await using stack = new AsyncDisposableStack();
  const redis = await connectRedis(options.redis, "worker");
  stack.defer(() => redis.disconnect());
  const states = new LayerStates(redis);
  const news = stack.use(new News(redis));
  const keeper = stack.use(new ClaimKeeper(states));
  const publisher = stack.use(new Publisher({ store, states, keeper, transport, emit }));
  const versions = new LocalVersions({ store, states, transport, publisher });
  const queues = stack.use(new ChainQueues(redis));
  const cluster = { worker: options.name, store, transport, archive, states, keeper, publisher, news, emit };
  const process = new WorkerProcess({
    chains: { cluster, versions, sandbox, caches, contexts, identity },
    engine: { states, news, queues, transport, watch: options.watch },
    pools: options.pools,
    slots: options.slots ?? 1,
    engines: options.engines ?? 50,
    drainPatience: options.drainPatience ?? timing.drainPatience,
    onDrain: options.onDrain,
  });
  await process.start();
  const heartbeat = new Heartbeat(redis, () => ({ v: 1, host: hostname(), ...process.status() }));
  stack.use(heartbeat);
  stack.use(process);
  await heartbeat.beat();
  await forgetDeadWorkers(redis);
  const owned = stack.move();
  return {
    name: options.name,
    drain: async () => await process.drain(),
    drained: process.drained,
    status: () => process.status(),
    boardQueues: async () => await shownQueues(redis, options.pools),
    queues: async (timeoutMs) => await poolQueues(redis, options.pools, timeoutMs),
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

function checkName(name: string): void {
  if (v.is(nameSchema, name)) return;
  throw new ObError("USAGE", `${JSON.stringify(name)} cannot name a worker or a pool.`, {
    hint: "A name has up to 100 letters, digits, dots, underscores and hyphens, and begins with a letter or a digit.",
  });
}
