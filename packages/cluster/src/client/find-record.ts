import { setTimeout as sleep } from "node:timers/promises";
import { ObError, orCancelled } from "@ob/core";
import type { Redis } from "ioredis";
import { type BuildRecord, buildRecordSchema } from "../engine/build-record.ts";
import { keys } from "../redis/keys.ts";
import { parseJson } from "../redis/parse-json.ts";

/** How long to wait before the next look at a build that no engine has accepted yet, in milliseconds: doubled up to a second. */
const firstDelay = 20;
const longestDelay = 1_000;

/**
 * The record of a build. Waits for an engine that accepts the build.
 *
 * @throws ObError `USAGE` if there is no such build; `CANCELLED` if the signal fires.
 */
export async function recordOf(
  build: string,
  { redis, signal }: { readonly redis: Redis; readonly signal?: AbortSignal | undefined },
): Promise<BuildRecord> {
  for (let delay = firstDelay; ; delay = Math.min(2 * delay, longestDelay)) {
    const isWaiting = (await redis.exists(keys.submission(build))) === 1;
    // Looked at second: what is accepted meanwhile is found.
    const text = await redis.hget(keys.build(build), "record");
    if (text !== null) return parseJson(buildRecordSchema, text, "a build");
    if (!isWaiting) throw noSuchBuild(build);
    await orCancelled(sleep(delay), signal);
  }
}

/** True for a build that an engine has accepted, or that waits for one. */
export async function isKnown(redis: Redis, build: string): Promise<boolean> {
  return (await redis.exists(keys.submission(build))) === 1 || (await redis.exists(keys.build(build))) === 1;
}

/** The error for a build that is not, or no longer, known. */
export function noSuchBuild(build: string): ObError {
  return new ObError("USAGE", `There is no build ${JSON.stringify(build)}.`, {
    hint: "What is known of a build is kept for an hour after its end.",
  });
}
