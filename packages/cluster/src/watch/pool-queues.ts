import { abortable, deadline, ObError } from "@ob/core";
import type { Redis } from "ioredis";
import { countJobs, type PoolStatus } from "../client/manage.ts";
import { chainQueue } from "../redis/keys.ts";

/**
 * How many chains wait and run in some pools, of all workers together.
 *
 * @throws ObError `STORE` if Redis is away, or does not answer in `timeoutMs`.
 */
export async function poolQueues(
  redis: Redis,
  pools: readonly string[],
  timeoutMs: number,
): Promise<readonly PoolStatus[]> {
  const away = () => new ObError("STORE", "Redis does not answer.");
  // A worker's connection keeps commands for later.
  if (redis.status !== "ready") throw away();
  using limit = deadline(timeoutMs, away);
  const count = async (name: string) => ({ name, ...(await countJobs(redis, chainQueue(name))) });
  await abortable(redis.ping(), limit.signal);
  return await abortable(Promise.all(pools.map(count)), limit.signal);
}
