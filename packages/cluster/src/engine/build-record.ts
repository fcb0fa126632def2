import type { LayerId, SpecLocation } from "@ob/core";
import * as v from "valibot";
import { layerIdSchema, nameSchema, traceparentSchema } from "../redis/messages.ts";

/** The most steps that a build may have. */
export const mostSteps = 10_000;

const layer: v.GenericSchema<LayerId> = layerIdSchema;
const text = (longest: number) => v.pipe(v.string(), v.maxLength(longest));
const position = v.pipe(v.number(), v.integer(), v.minValue(0));
const builds = v.pipe(v.array(text(10_000)), v.maxLength(1_000));

/** A `StepInfo` of @ob/core. */
export interface StepRecord {
  readonly id: LayerId;
  readonly base?: LayerId | undefined;
  readonly op: "from" | "run" | "copy";
  readonly heading: string;
  readonly build: readonly string[];
  readonly at?: SpecLocation | undefined;
}

const stepSchema: v.GenericSchema<unknown, StepRecord> = v.strictObject({
  id: layer,
  base: v.optional(layer),
  op: v.picklist(["from", "run", "copy"]),
  heading: text(2 ** 20),
  build: builds,
  at: v.optional(
    v.strictObject({
      file: text(10_000),
      line: position,
      column: position,
      excerpt: v.optional(text(2 ** 20)),
    }),
  ),
});

/** What a build shows, in order: lines that make no layer, and steps by their numbers. */
const scriptItemSchema = v.union([
  v.strictObject({ note: text(2 ** 20), build: v.optional(builds) }),
  v.strictObject({ step: position }),
]);

/** A build as its client has planned it. Everything that an engine needs is here. */
export const buildRecordSchema = v.strictObject({
  v: v.literal(1),
  /** Whose build it is: clients share the workers evenly. */
  client: nameSchema,
  /** Each step more halves what the build costs its client; from -4 to 4. */
  priority: v.pipe(v.number(), v.integer(), v.minValue(-4), v.maxValue(4)),
  /** When it was submitted, in milliseconds by the clock of Redis. */
  time: position,
  /** In the machine form. */
  spec: text(4 * 2 ** 20),
  /** The digest of the build context; absent if no step copies from it. */
  context: v.optional(text(1_000)),
  /** The pool of each base image. */
  pools: v.record(text(1_000), nameSchema),
  steps: v.pipe(v.array(stepSchema), v.maxLength(mostSteps)),
  script: v.pipe(v.array(scriptItemSchema), v.maxLength(4 * mostSteps)),
  /** See `SubmitOptions.traceparent`. */
  traceparent: v.optional(traceparentSchema),
});
export type BuildRecord = v.InferOutput<typeof buildRecordSchema>;

/** A job of the queue of builds. */
export const buildJobSchema = v.strictObject({ v: v.literal(1), build: nameSchema });

/** A job of a pool's queue. */
export const chainJobSchema = v.strictObject({
  v: v.literal(1),
  /** The build that has asked for it first. */
  build: nameSchema,
  /** The pool, and the fair start of the chain in it. */
  pool: nameSchema,
  start: position,
  /** When the build was submitted. */
  since: position,
  /** The layers to make, in order. */
  chain: v.pipe(v.array(layer), v.minLength(1), v.maxLength(mostSteps)),
  /** The layers that exist. */
  given: v.pipe(v.array(layer), v.maxLength(mostSteps)),
  /** The layer of each base image. */
  bases: v.record(text(1_000), layer),
  /** The spec of the stage, in the machine form. */
  spec: text(4 * 2 ** 20),
  /** The `planDigest` of the build. */
  plan: text(64),
  context: v.optional(text(1_000)),
  /** W3C trace context of the build. */
  traceparent: v.optional(traceparentSchema),
});
export type ChainJob = v.InferOutput<typeof chainJobSchema>;
