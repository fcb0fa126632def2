import { isLayerId, type LayerId } from "@ob/core";
import * as v from "valibot";

/** A layer id. */
export const layerIdSchema = v.custom<LayerId>(
  (value) => typeof value === "string" && isLayerId(value),
  "must be a layer id",
);

/** The name of a worker, a pool, a build or a client. */
export const nameSchema = v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/));

/** W3C trace context: version, trace id, span id, flags. */
export const traceparentSchema = v.pipe(v.string(), v.regex(/^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/));

const version = v.literal(1);

/** What has happened to a layer: a message of the channel `done`. */
export const layerNewsSchema = v.strictObject({
  v: version,
  id: layerIdSchema,
  state: v.picklist(["claimed", "made", "published", "failed", "absent"]),
  worker: v.pipe(v.string(), v.maxLength(100)),
});
export type LayerNews = v.InferOutput<typeof layerNewsSchema>;

/** A message to one worker. */
export const workerCommandSchema = v.variant("command", [
  /** Nobody wants the layer any more. */
  v.strictObject({ v: version, command: v.literal("stop"), id: layerIdSchema }),
  /** Take no more work. */
  v.strictObject({ v: version, command: v.literal("drain") }),
]);
export type WorkerCommand = v.InferOutput<typeof workerCommandSchema>;

const text = (longest: number) => v.pipe(v.string(), v.maxLength(longest));

/** Why a step has failed. */
export const failureSchema = v.strictObject({
  v: version,
  /** When, in milliseconds, by the clock of Redis: a build looks at failures after its beginning only. */
  time: v.pipe(v.number(), v.integer(), v.minValue(0)),
  code: text(100),
  message: text(100_000),
  hint: v.optional(text(10_000)),
  exitCode: v.optional(v.pipe(v.number(), v.integer())),
  /** The end of the step's output. */
  output: v.optional(text(100_000)),
});
export type FailureRecord = v.InferOutput<typeof failureSchema>;
