import { Fleet } from "./fleet.ts";
import type { Job } from "./job-queue.ts";
import type { Build, Layer, Stage } from "./workload.ts";
import type { World } from "./world.ts";
import type { Running, Worker } from "./worker.ts";

export interface ChainPolicyOptions {
  /** How many layers a job makes at most: 1 if a job is a step. */
  readonly length: number;
  /** The Redis calls of a layer. */
  readonly calls: number;
  readonly isFair: boolean;
  /** How many workers each pool has. */
  readonly workers: readonly number[];
}

interface ChainJob extends Job {
  readonly stage: Stage;
  /** The index of the first missing layer. */
  readonly from: number;
}

interface Progress {
  readonly index: number;
  readonly build: Build;
  /** How many layers of each stage are published. */
  readonly published: number[];
  isEnded: boolean;
}

interface LayerState {
  kind: "absent" | "claimed" | "published";
  /** Who has the claim: a made layer keeps it until it is published. */
  owner: Claim | undefined;
  /** The job that waits and begins with this layer. */
  job: ChainJob | undefined;
  /** When its last owner died. */
  lostAt: number | undefined;
  readonly waiting: Set<Progress>;
}

interface Claim extends Running {
  readonly since: number;
}

/** A chain on a slot. */
interface Chain {
  readonly job: ChainJob;
  readonly worker: Worker;
  readonly life: number;
}

/**
 * A job is a chain: the missing layers of one stage, from the first on. The worker claims the next with the commit, continues
 * in its virtual machine, and publishes in the background. With a length of 1 a job is a step.
 */
export class ChainPolicy {
  readonly fleet: Fleet<ChainJob>;
  readonly #world: World;
  readonly #options: ChainPolicyOptions;
  readonly #states: readonly LayerState[];

  constructor(world: World, options: ChainPolicyOptions) {
    this.#world = world;
    this.#options = options;
    this.#states = world.workload.layers.map(() => ({
      kind: "absent",
      owner: undefined,
      job: undefined,
      lostAt: undefined,
      waiting: new Set(),
    }));
    const { parameters, timeline, random } = world;
    const shared = { parameters, timeline, random, ...options };
    this.fleet = new Fleet({ ...shared, begin: (job, worker) => this.#begin(job, worker) });
    world.submit((build, index) =>
      this.#turn({ index, build, published: build.stages.map(() => 0), isEnded: false }),
    );
  }

  #state({ id }: Layer): LayerState {
    const state = this.#states[id];
    if (!state) throw new RangeError(`there is no layer ${id}`);
    return state;
  }

  /** Adds what has become ready of a build. */
  #turn(progress: Progress): void {
    if (progress.isEnded) return;
    const { build, published, index } = progress;
    const isDone = build.stages.map(({ layers }, stage) => {
      let count = published[stage] ?? 0;
      for (let next = layers[count]; next && this.#state(next).kind === "published"; next = layers[++count]);
      published[stage] = count;
      return count === layers.length;
    });
    if (isDone.every(Boolean)) {
      progress.isEnded = true;
      this.#world.end(index);
      return;
    }
    for (const [number, stage] of build.stages.entries()) {
      const from = published[number] ?? 0;
      const first = stage.layers[from];
      if (first && stage.copiesFrom.every((each) => isDone[each]))
        this.#want(progress, { stage, from, first });
    }
  }

  #want(progress: Progress, { stage, from, first }: { stage: Stage; from: number; first: Layer }): void {
    const state = this.#state(first);
    state.waiting.add(progress);
    if (state.kind !== "absent") return;
    const { pool } = stage;
    const queue = this.fleet.queue(pool);
    const count = Math.min(this.#options.length, stage.layers.length - from);
    const start = queue.fairStart(progress.build.client, count);
    if (state.job) {
      queue.hasten(state.job, start);
      return;
    }
    state.job = { pool, stage, from, start, isBegun: false };
    this.fleet.add(state.job);
  }

  #begin(job: ChainJob, worker: Worker): void {
    const first = job.stage.layers[job.from];
    if (!first) throw new RangeError("a chain has layers");
    this.#state(first).job = undefined;
    const chain = { job, worker, life: worker.life };
    if (this.#state(first).kind !== "absent") {
      this.fleet.release(worker, chain.life);
      return;
    }
    this.#claim(chain, first);
    const answered = this.#world.network.call(this.#options.calls);
    this.#later(chain, answered, () => {
      const booted = this.#world.boot(worker, job.stage, job.from);
      this.#later(chain, booted + first.seconds, () => this.#commit(chain, job.from));
    });
  }

  #commit(chain: Chain, index: number): void {
    const { worker, job } = chain;
    const { network, parameters } = this.#world;
    const layer = job.stage.layers[index];
    if (!layer) throw new RangeError("a chain has layers");
    this.#world.commits++;
    if (index > job.from) this.#world.continued++;
    worker.store.add(layer.id, layer.bytes);
    this.#later(chain, this.#world.push(worker, layer.bytes), () => this.#published(worker, layer));
    const next = index + 1 - job.from < this.#options.length ? job.stage.layers[index + 1] : undefined;
    if (!next || this.#state(next).kind !== "absent") {
      this.fleet.release(worker, chain.life);
      return;
    }
    this.#claim(chain, next);
    const answered = network.call(this.#options.calls);
    this.#later(chain, answered + parameters.vm.reuse + next.seconds, () => this.#commit(chain, index + 1));
  }

  #claim({ worker }: Chain, layer: Layer): void {
    const state = this.#state(layer);
    const { now } = this.#world.timeline;
    const claim: Claim = { since: now, onLost: () => this.#lose(layer, claim) };
    if (state.lostAt !== undefined) this.#world.takeovers.push(now - state.lostAt);
    state.kind = "claimed";
    state.owner = claim;
    state.lostAt = undefined;
    worker.running.add(claim);
    this.#world.network.claims++;
  }

  #published(worker: Worker, layer: Layer): void {
    const state = this.#state(layer);
    if (state.owner) {
      worker.running.delete(state.owner);
      this.#release(state.owner);
    }
    state.kind = "published";
    state.owner = undefined;
    this.#tell(state);
  }

  #release({ since }: Claim): void {
    this.#world.network.claims--;
    this.#world.network.renewed(this.#world.timeline.now - since);
  }

  /** The claim of a worker that has died is not renewed any more. */
  #lose(layer: Layer, claim: Claim): void {
    const state = this.#state(layer);
    const { timeline } = this.#world;
    const died = timeline.now;
    this.#release(claim);
    this.#world.lost++;
    timeline.at(this.#world.noticed(), () => {
      state.kind = "absent";
      state.owner = undefined;
      state.lostAt = died;
      this.#tell(state);
    });
  }

  #tell(state: LayerState): void {
    const waiting = [...state.waiting];
    state.waiting.clear();
    for (const progress of waiting) this.#turn(progress);
  }

  /** Unless the worker dies before. */
  #later({ worker, life }: Chain, time: number, run: () => void): void {
    this.#world.timeline.at(time, () => {
      if (worker.life === life) run();
    });
  }
}
