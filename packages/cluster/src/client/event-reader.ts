import type { LayerId } from "@ob/core";
import type { Redis } from "ioredis";
import { type BuildEvent, buildEventSchema } from "../engine/build-events.ts";
import { secondConnection } from "../redis/connect.ts";
import { keys } from "../redis/keys.ts";
import { tryParseJson } from "../redis/parse-json.ts";

export interface FinishedEvent {
  readonly type: "finished";
  readonly id: LayerId;
  readonly outcome: "saved" | "cached" | "failed";
  readonly milliseconds: number;
}
export type EndEvent = Extract<BuildEvent, { type: "end" }>;

/** A step as the events of a build show it. */
export class WatchedStep {
  readonly started = Promise.withResolvers<void>();
  readonly finished = Promise.withResolvers<FinishedEvent>();
  /** Fires with `finished`, and when the build has ended. */
  readonly over = new AbortController();
}

/** Reads the events of a build from its begin to its end. */
export class EventReader implements AsyncDisposable {
  readonly ended: Promise<EndEvent>;
  readonly #key: string;
  readonly #onLog: (event: Extract<BuildEvent, { type: "log" }>) => void;
  readonly #steps = new Map<LayerId, WatchedStep>();
  readonly #closing = new AbortController();
  readonly #waiting: Redis;

  constructor(redis: Redis, build: string, onLog: (event: Extract<BuildEvent, { type: "log" }>) => void) {
    this.#key = keys.events(build);
    this.#onLog = onLog;
    this.#waiting = secondConnection(redis);
    this.ended = this.#read();
    // Whoever attaches awaits it; it may have left before.
    this.ended.catch(() => undefined);
  }

  step(id: LayerId): WatchedStep {
    let step = this.#steps.get(id);
    if (!step) {
      step = new WatchedStep();
      this.#steps.set(id, step);
    }
    return step;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    this.#waiting.disconnect();
    await this.ended.catch(() => undefined);
  }

  async #read(): Promise<EndEvent> {
    for (let last = "0"; !this.#closing.signal.aborted;) {
      const answer = await this.#next(last);
      for (const [key, fields] of answer?.[0]?.[1] ?? []) {
        last = key;
        const event = tryParseJson(buildEventSchema, fields[1]);
        if (event) this.#take(event);
        if (event?.type === "end") return event;
      }
    }
    throw new Error("closed");
  }

  async #next(last: string) {
    return await this.#waiting.xread("COUNT", 500, "BLOCK", 1_000, "STREAMS", this.#key, last);
  }

  #take(event: BuildEvent): void {
    switch (event.type) {
      case "started":
        this.step(event.id).started.resolve();
        return;
      case "finished": {
        const step = this.step(event.id);
        step.started.resolve();
        step.finished.resolve(event);
        step.over.abort();
        return;
      }
      case "log":
        this.#onLog(event);
        return;
      case "end":
        for (const step of this.#steps.values()) step.over.abort();
    }
  }
}
