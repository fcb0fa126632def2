import {
  cancelledError,
  checkOptions,
  type Emit,
  isObError,
  type LayerId,
  type ObError,
  orCancelled,
  type StepInfo,
  throwIfCancelled,
} from "@ob/core";
import type { Redis } from "ioredis";
import type { BuildRecord, StepRecord } from "../engine/build-record.ts";
import { errorOf } from "../engine/failure.ts";
import type { LogArchive } from "../logs/archive.ts";
import { followLog } from "../logs/follow-log.ts";
import { BlockingReads } from "../redis/blocking-reads.ts";
import { withRedisErrors } from "../redis/connect.ts";
import { type EndEvent, EventReader, type FinishedEvent } from "./event-reader.ts";
import { recordOf } from "./find-record.ts";

export interface AttachOptions {
  /** See `connectRedis`. */
  readonly redis: Redis;
  /** Gets the events that `Builder.build` emits, in the order of the spec: steps that are too early are held back. */
  readonly emit: Emit;
  /** Asked after each piece of output: a promise while whoever shows it takes no more. */
  readonly outputTaken?: (() => Promise<void> | undefined) | undefined;
  readonly archive?: LogArchive | undefined;
  /** The log of a layer that was there already, of which Redis has none any more; by default nothing is shown of it. */
  readonly readLog?: ((id: LayerId, signal?: AbortSignal) => AsyncIterable<Uint8Array>) | undefined;
  /** Ends the attachment, not the build. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Follows a build from its begin to its end, also one that has begun before.
 *
 * @returns the id of its last layer.
 * @throws ObError as `Builder.build`: the error of the step that failed; `CANCELLED` if the build was cancelled or the
 *   signal fires; `USAGE` if there is no such build; `STORE` if Redis fails.
 */
export async function attachBuild(build: string, options: AttachOptions): Promise<LayerId> {
  checkOptions("attachBuild", options, { redis: "object", emit: "function" });
  const { redis, emit } = options;
  return await withRedisErrors(`follow the build ${build}`, async () => {
    const record = await recordOf(build, { redis, signal: options.signal });
    await using reader = new EventReader(redis, build, ({ level, text: line }) => {
      emit({ type: "log", level, text: line });
    });
    await using blocking = new BlockingReads(redis);
    return await new Attachment(record, { reader, blocking }, options).show();
  });
}

class Attachment {
  readonly #record: BuildRecord;
  readonly #reader: EventReader;
  readonly #blocking: BlockingReads;
  readonly #options: AttachOptions;
  #shown = 0;

  constructor(
    record: BuildRecord,
    { reader, blocking }: { readonly reader: EventReader; readonly blocking: BlockingReads },
    options: AttachOptions,
  ) {
    this.#record = record;
    this.#reader = reader;
    this.#blocking = blocking;
    this.#options = options;
  }

  async show(): Promise<LayerId> {
    const { emit, signal } = this.#options;
    for (const item of this.#record.script) {
      throwIfCancelled(signal);
      if ("note" in item) {
        emit({ type: "note", text: item.note, ...(item.build && { build: item.build }) });
        continue;
      }
      const step = this.#record.steps[item.step];
      if (step && !(await this.#showStep(step))) break;
      this.#shown = item.step + 1;
    }
    const end = await orCancelled(this.#reader.ended, signal);
    const last = this.#record.steps.at(-1);
    if (end.outcome === "built" && last) return last.id;
    throw await this.#errorOf(end);
  }

  /** Shows a step from its begin to its end. @returns false if the build ended without it. */
  async #showStep(step: StepRecord): Promise<boolean> {
    const { emit, signal } = this.#options;
    const { started, finished } = this.#reader.step(step.id);
    const end = this.#reader.ended.then((event) => event);
    const first = await orCancelled(Promise.race([started.promise, end]), signal);
    // An end can come with the events of the step before it.
    if (first?.type === "end" && !(await isSettled(started.promise))) return false;
    const info = toInfo(step);
    emit({ type: "step-started", step: info });
    await this.#showOutput(info, await settledValue(finished.promise));
    const last = await orCancelled(Promise.race([finished.promise, end]), signal);
    const event = last.type === "finished" ? last : await settledValue(finished.promise);
    const { outcome, milliseconds } = event ?? { outcome: "cancelled" as const, milliseconds: 0 };
    emit({ type: "step-finished", step: info, outcome, milliseconds });
    return event !== undefined && outcome !== "failed";
  }

  async #showOutput(step: StepInfo, finished: FinishedEvent | undefined): Promise<void> {
    const { redis, archive, readLog, emit, outputTaken, signal } = this.#options;
    const { over } = this.#reader.step(step.id);
    let isEmpty = true;
    const log = followLog({
      redis,
      id: step.id,
      archive,
      blocking: this.#blocking,
      signal,
      over: over.signal,
      // What was given up is begun again, by another worker.
      isEnd: (end) => end !== "released",
    });
    const show = async (bytes: Uint8Array) => {
      emit({ type: "step-output", step, bytes });
      const taken = outputTaken?.();
      if (taken) await orCancelled(taken, signal);
    };
    for await (const bytes of log) {
      isEmpty = false;
      await show(bytes);
    }
    if (!isEmpty || finished?.outcome !== "cached" || !readLog) return;
    try {
      for await (const bytes of readLog(step.id, signal)) await show(bytes);
    } catch (error) {
      if (!isObError(error, "NO_SUCH_LAYER")) throw error;
    }
  }

  /** Shows the step that has failed, if others hid it, and returns its error. */
  async #errorOf({ outcome, id, failure }: EndEvent): Promise<ObError> {
    if (outcome === "cancelled" || !failure) return cancelledError();
    const index = this.#record.steps.findIndex((step) => step.id === id);
    const step = this.#record.steps[index];
    if (step && index > this.#shown) await this.#showStep(step);
    return errorOf(failure, step && toInfo(step));
  }
}

function toInfo({ base, ...step }: StepRecord): StepInfo {
  return { ...step, base };
}

const nothing = Symbol("nothing");

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  return (await Promise.race([promise, Promise.resolve(nothing)])) !== nothing;
}

async function settledValue<T>(promise: Promise<T>): Promise<T | undefined> {
  const value = await Promise.race([promise, Promise.resolve(nothing)]);
  return typeof value === "symbol" ? undefined : value;
}
