import { QueueKeys } from "bullmq";
import { ObError } from "@ob/core";
import type { Redis } from "ioredis";
import { withRedisErrors } from "../redis/connect.ts";
import { buildQueue, chainQueue, channels, keys, queuePrefix } from "../redis/keys.ts";
import { aliveWorkers, type WorkerStatus } from "../worker/heartbeat.ts";
import { timing } from "../timing.ts";
import { isKnown, noSuchBuild, recordOf } from "./find-record.ts";

/**
 * Cancels a build: its steps stop, except for those that other builds want. Without effect on one that has ended.
 *
 * @throws ObError `USAGE` if there is no such build.
 */
export async function cancelBuild(redis: Redis, build: string): Promise<void> {
  await withRedisErrors(`cancel the build ${build}`, async () => {
    if (!(await isKnown(redis, build))) throw noSuchBuild(build);
    await redis.set(keys.cancel(build), 1, "PX", timing.running);
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
    const submitted = await redis.xlen(keys.submissions);
    return { workers, pools, builds: submitted + builds.waiting + builds.running };
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

/** How many jobs of a queue wait, and how many run. Not by BullMQ's script for that: who only looks may run no scripts. */
export async function countJobs(redis: Redis, name: string): Promise<{ waiting: number; running: number }> {
  const names = new QueueKeys(queuePrefix);
  const [wait, prioritized, delayed, active] = await Promise.all([
    redis.llen(names.toKey(name, "wait")),
    redis.zcard(names.toKey(name, "prioritized")),
    redis.zcard(names.toKey(name, "delayed")),
    redis.llen(names.toKey(name, "active")),
  ]);
  return { waiting: wait + prioritized + delayed, running: active };
}

/** What is known of a build before it is followed. */
export interface BuildSummary {
  readonly client: string;
  /** How many steps it has, with the imports of base images. */
  readonly steps: number;
  /** True if it has nested builds, which can run at the same time. */
  readonly parallel: boolean;
}

/** Waits for an engine that accepts the build. @throws ObError `USAGE` if there is no such build. */
export async function findBuild(redis: Redis, build: string, signal?: AbortSignal): Promise<BuildSummary> {
  return await withRedisErrors(`look up the build ${build}`, async () => {
    const { client, steps } = await recordOf(build, { redis, signal });
    return { client, steps: steps.length, parallel: steps.some((step) => step.build.length > 0) };
  });
}
