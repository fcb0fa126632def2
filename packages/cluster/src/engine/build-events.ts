import type { Redis } from "ioredis";
import * as v from "valibot";
import { keys } from "../redis/keys.ts";
import { failureSchema, layerIdSchema } from "../redis/messages.ts";
import { timing } from "../timing.ts";

const text = v.pipe(v.string(), v.maxLength(100_000));

/** An event of a build. After the takeover of an engine events can come twice. */
export const buildEventSchema = v.variant("type", [
  v.strictObject({ v: v.literal(1), type: v.literal("started"), id: layerIdSchema }),
  v.strictObject({
    v: v.literal(1),
    type: v.literal("finished"),
    id: layerIdSchema,
    outcome: v.picklist(["saved", "cached", "failed"]),
    /** How long it took, as the engine has seen it. */
    milliseconds: v.number(),
  }),
  v.strictObject({
    v: v.literal(1),
    type: v.literal("log"),
    level: v.picklist(["info", "warning"]),
    text,
  }),
  v.strictObject({
    v: v.literal(1),
    type: v.literal("end"),
    outcome: v.picklist(["built", "failed", "cancelled"]),
    /** The layer that failed; absent if it was not a step that did. */
    id: v.optional(layerIdSchema),
    failure: v.optional(failureSchema),
  }),
]);
export type BuildEvent = v.InferOutput<typeof buildEventSchema>;

/** How many events of a build Redis keeps; a build has two for each step, and what is logged. */
const mostEvents = 40_000;

/** Appends to the events of a build. */
export async function emitBuildEvents(
  redis: Redis,
  build: string,
  events: readonly BuildEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const key = keys.events(build);
  const pipeline = redis.pipeline();
  for (const event of events)
    pipeline.xadd(key, "MAXLEN", "~", mostEvents, "*", "event", JSON.stringify(event));
  pipeline.pexpire(key, timing.running);
  await pipeline.exec();
}
