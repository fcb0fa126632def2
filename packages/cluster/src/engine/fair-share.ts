import type { Redis } from "ioredis";
import * as v from "valibot";
import { keys } from "../redis/keys.ts";
import { runScript, script } from "../redis/run-script.ts";
import { advance, share } from "../redis/scripts.generated.ts";
import { timing } from "../timing.ts";

const shareScript = script(share);
const advanceScript = script(advance);

/** What a layer costs its client; a priority halves or doubles it. */
const layerCost = 16;

/** The highest number that BullMQ takes as a priority; the lowest goes first. */
const lastPriority = 2 ** 21 - 1;

/**
 * When a chain of a client should start, on a clock that advances with the work of the pool: after all that the client has
 * asked for before. A client that asks for a thousand layers at once so waits behind one that asks for two.
 */
export async function fairStart(
  redis: Redis,
  pool: string,
  {
    client,
    layers,
    priority,
  }: { readonly client: string; readonly layers: number; readonly priority: number },
): Promise<number> {
  const cost = (layers * layerCost) / 2 ** priority;
  const input = { keys: [keys.shares(pool)], args: [client, cost, timing.running] };
  return v.parse(v.number(), await runScript(redis, shareScript, input));
}

/** A chain with that start has begun. */
export async function advanceClock(redis: Redis, pool: string, start: number): Promise<void> {
  await runScript(redis, advanceScript, { keys: [keys.shares(pool)], args: [start] });
}

/** Forgets the shares of a pool in which nothing waits, so that the clock begins anew. */
export async function resetClock(redis: Redis, pool: string): Promise<void> {
  await redis.del(keys.shares(pool));
}

/** BullMQ's priority of a chain. */
export function queuePriority(start: number): number {
  return Math.min(lastPriority, start + 1);
}
