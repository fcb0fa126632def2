import { Queue } from "bullmq";
import { ObError } from "@ob/core";
import type { Redis } from "ioredis";
import { buildRecordSchema } from "../engine/build-record.ts";
import { withRedisErrors } from "../redis/connect.ts";
import { buildQueue, chainQueue, channels, keys, queuePrefix } from "../redis/keys.ts";
import { parseJson } from "../redis/parse-json.ts";
import { aliveWorkers, type WorkerStatus } from "../worker/heartbeat.ts";
import { noSuchBuild } from "./attach-build.ts";

/**
 * Cancels a build: its steps stop, except for those that other builds want. Without effect on one that has ended.
 *
 * @throws ObError `USAGE` if there is no such build.
 */
export async function cancelBuild(redis: Redis, build: string): Promise<void> {
  await withRedisErrors(`cancel the build ${build}`, async () => {
    const known = await redis.hexists(keys.build(build), "record");
    if (known === 0) throw noSuchBuild(build);
    await redis.hset(keys.build(build), "cancelled", 1);
    await redis.publish(channels.cancelled, build);
  });
}

export interface PoolStatus {
  readonly name: string;
  /** Chains that wait for a worker. */
  readonly waiting: number;
  /** Chains that are built now. */
  readonly running: number;
}

export interface ClusterStatus {
  readonly workers: readonly WorkerStatus[];
  /** Of the pools that have workers. */
  readonly pools: readonly PoolStatus[];
  /** Builds that run or wait for an engine. */
  readonly builds: number;
}

/** The workers that are alive, and what waits for them. */
export async function clusterStatus(redis: Redis): Promise<ClusterStatus> {
  return await withRedisErrors("look at the cluster", async () => {
    const workers = await aliveWorkers(redis);
    const names = [...new Set(workers.flatMap(({ pools }) => pools))].toSorted();
    const pools = await Promise.all(
      names.map(async (name) => ({ name, ...(await countJobs(redis, chainQueue(name))) })),
    );
    const builds = await countJobs(redis, buildQueue);
    return { workers, pools, builds: builds.waiting + builds.running };
  });
}

/**
 * Tells a worker to take no more work: it finishes the steps that run.
 *
 * @throws ObError `USAGE` if there is no such worker.
 */
export async function drainWorker(redis: Redis, worker: string): Promise<void> {
  await withRedisErrors(`drain the worker ${worker}`, async () => {
    const told = await redis.publish(channels.worker(worker), JSON.stringify({ v: 1, command: "drain" }));
    if (told > 0) return;
    throw new ObError("USAGE", `There is no worker ${JSON.stringify(worker)}.`);
  });
}

/** How many jobs of a queue wait, and how many run. */
export async function countJobs(redis: Redis, name: string): Promise<{ waiting: number; running: number }> {
  const queue = new Queue(name, { connection: redis, prefix: queuePrefix });
  queue.on("error", () => undefined);
  try {
    const counts = await queue.getJobCounts("waiting", "prioritized", "delayed", "active");
    const { waiting = 0, prioritized = 0, delayed = 0, active = 0 } = counts;
    return { waiting: waiting + prioritized + delayed, running: active };
  } finally {
    await queue.close();
  }
}

/** What is known of a build before it is followed. */
export interface BuildSummary {
  readonly client: string;
  /** How many steps it has, with the imports of base images. */
  readonly steps: number;
  /** True if it has nested builds, which can run at the same time. */
  readonly parallel: boolean;
}

/** @throws ObError `USAGE` if there is no such build. */
export async function findBuild(redis: Redis, build: string): Promise<BuildSummary> {
  return await withRedisErrors(`look up the build ${build}`, async () => {
    const text = await redis.hget(keys.build(build), "record");
    if (text === null) throw noSuchBuild(build);
    const { client, steps } = parseJson(buildRecordSchema, text, "a build");
    return { client, steps: steps.length, parallel: steps.some((step) => step.build.length > 0) };
  });
}
