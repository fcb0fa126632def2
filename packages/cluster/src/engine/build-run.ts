import { isObError, type LayerId, ObError } from "@ob/core";
import type { LayerTransport } from "../claims/layer-transport.ts";
import { channels, keys } from "../redis/keys.ts";
import type { LayerState, LayerStates } from "../redis/layer-states.ts";
import { type FailureRecord, failureSchema, layerNewsSchema } from "../redis/messages.ts";
import { Bell, type News } from "../redis/news.ts";
import { parseJson, tryParseJson } from "../redis/parse-json.ts";
import { timing } from "../timing.ts";
import { type BuildEvent, emitBuildEvents } from "./build-events.ts";
import {
  chainJob,
  HandedOut,
  missingLayers,
  type PlannedBuild,
  type PlannedStage,
  plannedStages,
} from "./build-plan.ts";
import { type BuildRecord, buildRecordSchema } from "./build-record.ts";
import type { ChainQueues } from "./chain-queues.ts";
import { failureOf } from "./failure.ts";
import { StepProgress } from "./step-progress.ts";
import type { BuildWatch, WorkerWatch } from "../watch/worker-watch.ts";

export interface EnginePorts {
  readonly states: LayerStates;
  readonly news: News;
  readonly queues: ChainQueues;
  readonly transport: LayerTransport;
  readonly watch: WorkerWatch | undefined;
}

/** How a build has ended. */
type BuildEnd = Omit<Extract<BuildEvent, { type: "end" }>, "v" | "type">;

/** How many layers the registry is asked for at a time. */
const lookups = 16;

/**
 * Brings one build to its end: adds the chains that are ready to the queues of their pools, and reports what becomes of
 * them. All that it knows is in Redis and in the registry: after its death another engine does the same again.
 *
 * @returns when the build has ended. Rejects with what Redis throws, or if the signal fires: then the build goes on elsewhere.
 */
export async function runBuild(build: string, ports: EnginePorts, signal: AbortSignal): Promise<void> {
  const { redis } = ports.states;
  const [text, outcome] = await redis.hmget(keys.build(build), "record", "outcome");
  if (text === null || text === undefined || typeof outcome === "string") return;
  let run: BuildRun | undefined;
  let end: BuildEnd;
  try {
    const record = parseJson(buildRecordSchema, text, "a build");
    // A client that says that it comes from the future would have failed steps tried again for ever.
    const time = Math.min(record.time, await ports.states.now());
    run = new BuildRun(build, { ...record, time }, ports);
    end = await run.run(signal);
  } catch (error) {
    if (signal.aborted || !isObError(error, "BAD_SPEC", "BASE_IMAGE", "STORE", "USAGE")) {
      run?.watch?.ended?.("left");
      throw error;
    }
    end = { outcome: "failed", failure: failureOf(error, await ports.states.now()) };
  }
  run?.watch?.ended?.(end.outcome);
  await emitBuildEvents(redis, build, [{ v: 1, type: "end", ...end }]);
  await redis.hset(keys.build(build), "outcome", end.outcome);
  await redis.del(keys.secrets(build), keys.fault(build));
  for (const key of [keys.build(build), keys.events(build), keys.cancel(build)])
    await redis.pexpire(key, timing.ended);
  await run?.dispose();
}

class BuildRun {
  readonly watch: BuildWatch | undefined;
  readonly #build: string;
  readonly #record: BuildRecord;
  readonly #stages: readonly PlannedStage[];
  readonly #ports: EnginePorts;
  readonly #progress: StepProgress;
  readonly #published = new Set<LayerId>();
  /** When the chain that begins with a layer was last added, and its fair start. */
  readonly #added = new Map<LayerId, { readonly time: number; readonly start: number }>();
  readonly #handedOut = new HandedOut();
  readonly #ids: readonly LayerId[];
  /** How the layers stood when they were last looked at, and which there is news of. */
  readonly #states = new Map<LayerId, LayerState>();
  #changed = new Set<LayerId>();

  constructor(build: string, record: BuildRecord, ports: EnginePorts) {
    this.#build = build;
    this.#record = record;
    this.#ports = ports;
    this.#stages = plannedStages(record);
    this.#ids = [...new Set(record.steps.map(({ id }) => id))];
    this.#progress = new StepProgress(ports.states.redis, build);
    const { client, traceparent } = record;
    this.watch = ports.watch?.buildStarted?.({ build, client, layers: this.#ids.length, traceparent });
  }

  async run(signal: AbortSignal): Promise<BuildEnd> {
    const { news, states } = this.#ports;
    const bell = new Bell();
    const ours = new Set(this.#ids);
    using listening = new DisposableStack();
    const heard = await news.listen(channels.done, (message) => {
      const item = tryParseJson(layerNewsSchema, message);
      // What is made was claimed before, which is all that a build can see of it.
      if (!item || item.state === "made" || !ours.has(item.id)) return;
      if (item.state === "absent") this.#added.delete(item.id);
      this.#changed.add(item.id);
      bell.ring();
    });
    listening.use(heard);
    let mayBeCancelled = true;
    const cancelled = await news.listen(channels.cancelled, (message) => {
      if (message !== this.#build) return;
      mayBeCancelled = true;
      bell.ring();
    });
    listening.use(cancelled);
    const lookAtAll = () => {
      mayBeCancelled = true;
      this.#changed = new Set(this.#unpublished());
      bell.ring();
    };
    listening.use(news.onBack(lookAtAll));
    await this.#adoptShared();
    this.watch?.layersFound?.(this.#published.size);
    await this.#progress.resume();
    await this.#progress.cached(this.#ids.filter((id) => this.#published.has(id)));
    await states.want(this.#unpublished(), this.#build);
    lookAtAll();
    for (;;) {
      if (signal.aborted) throw new ObError("CANCELLED", "The engine stops.");
      const look = mayBeCancelled;
      mayBeCancelled = false;
      const stopped = look ? await this.#stopped() : undefined;
      if (stopped) return stopped;
      const end = await this.#turn();
      if (end) return end;
      if (!(await bell.wait(signal))) lookAtAll();
    }
  }

  /** Takes the build's wishes back: what nobody else wants stops. */
  async dispose(): Promise<void> {
    await this.#ports.states.unwant(this.#ids, this.#build);
  }

  #unpublished(): readonly LayerId[] {
    return this.#ids.filter((id) => !this.#published.has(id));
  }

  /** How the build ends if it was cancelled, or if a worker has found that it cannot be built. */
  async #stopped(): Promise<BuildEnd | undefined> {
    const { redis } = this.#ports.states;
    const [cancel, fault] = await redis.mget(keys.cancel(this.#build), keys.fault(this.#build));
    if (typeof cancel === "string") return { outcome: "cancelled" };
    const failure = tryParseJson(failureSchema, fault);
    return failure && { outcome: "failed", failure };
  }

  /** Finds what is published, also what only the registry knows of. */
  async #adoptShared(): Promise<void> {
    const { states, transport } = this.#ports;
    const all = await states.states(this.#ids);
    const absent: LayerId[] = [];
    for (const [index, id] of this.#ids.entries()) {
      const kind = all[index]?.kind;
      if (kind === "published") this.#published.add(id);
      else if (kind === "absent") absent.push(id);
    }
    for (let start = 0; start < absent.length; start += lookups) {
      const some = absent.slice(start, start + lookups);
      await Promise.all(
        some.map(async (id) => {
          const digest = await transport.has(id);
          if (digest !== undefined && (await states.adopt(id, digest)) !== undefined) this.#published.add(id);
        }),
      );
    }
  }

  /** Looks at the layers that there is news of, and adds what is ready. @returns how the build ends, if it does. */
  async #turn(): Promise<BuildEnd | undefined> {
    const changed = [...this.#changed];
    this.#changed = new Set();
    const states = await this.#ports.states.states(changed);
    for (const [index, state] of states.entries()) {
      const id = changed[index];
      if (id === undefined) continue;
      this.#states.set(id, state);
      if (state.kind === "published") this.#published.add(id);
      // The registry has lost it.
      else if (this.#published.delete(id)) await this.#ports.states.want([id], this.#build);
    }
    await this.#progress.update(new Map(changed.map((id, index) => [id, states[index]])));
    const failed = this.#failure();
    if (failed) {
      await this.#progress.failed(failed.id);
      return { outcome: "failed", ...failed };
    }
    const missing = this.#stages.map((stage) => missingLayers(stage, (id) => this.#published.has(id)));
    if (missing.every((layers) => layers.length === 0)) return { outcome: "built" };
    for (const [index, { stage }] of this.#stages.entries()) {
      const chain = missing[index] ?? [];
      const isReady = [...stage.copiesFrom.values()].every((from) => missing[from]?.length === 0);
      const [first] = chain;
      const isFree = first !== undefined && this.#states.get(first)?.kind === "absent";
      if (isFree && isReady) await this.#add(index, chain);
    }
    return undefined;
  }

  /** The failure of a layer that the build wants, from after it was submitted. */
  #failure(): { readonly id: LayerId; readonly failure: FailureRecord } | undefined {
    for (const [id, state] of this.#states) {
      const failure = state.kind === "absent" ? state.failure : undefined;
      if (failure && failure.time >= this.#record.time) return { id, failure };
    }
    return undefined;
  }

  /** Adds a chain, unless it was added a moment ago: it can be lost with Redis, and is then added again. */
  async #add(index: number, chain: readonly LayerId[]): Promise<void> {
    const [first] = chain;
    if (first === undefined) return;
    const before = this.#added.get(first);
    if (before && performance.now() - before.time < timing.poll) return;
    const { client, priority } = this.#record;
    const traceparent = this.watch?.traceparent ?? this.#record.traceparent;
    const context: PlannedBuild = {
      build: this.#build,
      record: this.#record,
      stages: this.#stages,
      traceparent,
    };
    const job = chainJob(context, index, chain);
    this.#handedOut.add(index, job);
    const wish = { job, client, priority };
    const start = await this.#ports.queues.add(wish, before?.start);
    this.#added.set(first, { time: performance.now(), start });
  }
}
