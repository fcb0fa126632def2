import type { LayerId } from "@ob/core";
import type { Redis } from "ioredis";
import type { LayerState } from "../redis/layer-states.ts";
import { keys } from "../redis/keys.ts";
import { tryParseJson } from "../redis/parse-json.ts";
import { type BuildEvent, buildEventSchema, emitBuildEvents } from "./build-events.ts";

/** Turns the states of layers into the events of a build. */
export class StepProgress {
  readonly #redis: Redis;
  readonly #build: string;
  /** When each step was seen to begin, in milliseconds. */
  readonly #started = new Map<LayerId, number>();
  readonly #finished = new Set<LayerId>();

  constructor(redis: Redis, build: string) {
    this.#redis = redis;
    this.#build = build;
  }

  /** Takes over what an engine before this one has reported: what was begun is not cached. */
  async resume(): Promise<void> {
    for (const [, fields] of await this.#redis.xrange(keys.events(this.#build), "-", "+")) {
      const event = tryParseJson(buildEventSchema, fields[1]);
      if (event?.type === "started") this.#started.set(event.id, performance.now());
      if (event?.type === "finished") this.#finished.add(event.id);
    }
  }

  /** Layers that were there when the build began; those that were begun for it are saved. */
  async cached(ids: readonly LayerId[]): Promise<void> {
    const events = ids.flatMap((id) => {
      const outcome = this.#started.has(id) ? "saved" : "cached";
      return [...this.#start(id), ...this.#finish(id, outcome)];
    });
    await this.#emit(events);
  }

  async update(states: ReadonlyMap<LayerId, LayerState | undefined>): Promise<void> {
    const events: BuildEvent[] = [];
    for (const [id, state] of states) {
      if (state === undefined || state.kind === "absent") continue;
      events.push(...this.#start(id));
      if (state.kind === "published") events.push(...this.#finish(id, "saved"));
    }
    await this.#emit(events);
  }

  async failed(id: LayerId): Promise<void> {
    await this.#emit([...this.#start(id), ...this.#finish(id, "failed")]);
  }

  #start(id: LayerId): readonly BuildEvent[] {
    if (this.#started.has(id)) return [];
    this.#started.set(id, performance.now());
    return [{ v: 1, type: "started", id }];
  }

  #finish(id: LayerId, outcome: "saved" | "cached" | "failed"): readonly BuildEvent[] {
    if (this.#finished.has(id)) return [];
    this.#finished.add(id);
    const start = this.#started.get(id) ?? performance.now();
    return [{ v: 1, type: "finished", id, outcome, milliseconds: performance.now() - start }];
  }

  async #emit(events: readonly BuildEvent[]): Promise<void> {
    await emitBuildEvents(this.#redis, this.#build, events);
  }
}
