import { Fleet } from "./fleet.ts";
import type { Job } from "./job-queue.ts";
import type { Build, Layer, Stage } from "./workload.ts";
import type { World } from "./world.ts";
import type { Running, Worker } from "./worker.ts";

interface BuildJob extends Job {
  readonly build: Build;
  readonly index: number;
  /** When the worker died that had it before. */
  readonly lostAt: number | undefined;
}

interface Execution {
  readonly job: BuildJob;
  readonly worker: Worker;
  readonly life: number;
  readonly running: Running;
  /** What it has made itself. */
  readonly own: Set<Layer>;
  /** What the running virtual machine is on. */
  top: Layer | undefined;
  /** How many of its layers are being pushed. */
  pushing: number;
  isMaking: boolean;
}

interface Options {
  readonly calls: number;
  readonly isFair: boolean;
  readonly workers: readonly number[];
}

/** A job is a build: one worker makes its stages one after the other, and asks only for what others have published. */
export class BuildPolicy {
  readonly fleet: Fleet<BuildJob>;
  readonly #world: World;
  readonly #options: Options;
  readonly #published = new Set<Layer>();
  /** Who has made what is not yet published. */
  readonly #makers = new Map<Layer, number>();

  constructor(world: World, options: Options) {
    this.#world = world;
    this.#options = options;
    const { parameters, timeline, random } = world;
    const shared = { parameters, timeline, random, ...options };
    this.fleet = new Fleet({ ...shared, begin: (job, worker) => this.#begin(job, worker) });
    world.submit((build, index) => this.#add(build, index));
  }

  #add(build: Build, index: number, lostAt?: number): void {
    const layers = build.stages
      .flatMap((stage) => stage.layers)
      .filter((layer) => !this.#published.has(layer));
    const pool = build.stages[0]?.pool ?? 0;
    const start = this.fleet.queue(pool).fairStart(build.client, layers.length);
    this.fleet.add({ pool, build, index, start, isBegun: false, lostAt });
  }

  #begin(job: BuildJob, worker: Worker): void {
    const { network, timeline, takeovers } = this.#world;
    if (job.lostAt !== undefined) takeovers.push(timeline.now - job.lostAt);
    const since = timeline.now;
    network.claims++;
    const running: Running = {
      onLost: () => {
        network.claims--;
        network.renewed(timeline.now - since);
        const died = timeline.now;
        timeline.at(this.#world.noticed(), () => this.#add(job.build, job.index, died));
      },
    };
    worker.running.add(running);
    const execution = {
      job,
      worker,
      life: worker.life,
      running,
      own: new Set<Layer>(),
      top: undefined,
      pushing: 0,
      isMaking: false,
    };
    this.#later(execution, network.call(this.#options.calls), () => this.#next(execution));
  }

  #next(execution: Execution): void {
    const { job, worker, own } = execution;
    for (const stage of job.build.stages) {
      const index = stage.layers.findIndex((layer) => !own.has(layer) && !this.#published.has(layer));
      const layer = stage.layers[index];
      if (layer) {
        this.#make(execution, { stage, index, layer });
        return;
      }
    }
    // The last push goes on here.
    if (execution.pushing > 0) return;
    const { network } = this.#world;
    network.claims--;
    worker.running.delete(execution.running);
    this.#world.end(job.index);
    this.fleet.release(worker, execution.life);
  }

  #make(execution: Execution, { stage, index, layer }: { stage: Stage; index: number; layer: Layer }): void {
    const { worker } = execution;
    const { network, parameters, timeline } = this.#world;
    const isContinued = layer.parent !== undefined && execution.top === layer.parent;
    network.call(this.#options.calls);
    const ready = isContinued ? timeline.now + parameters.vm.reuse : this.#world.boot(worker, stage, index);
    execution.isMaking = true;
    this.#later(execution, ready + layer.seconds, () => {
      execution.isMaking = false;
      this.#world.commits++;
      if (isContinued) this.#world.continued++;
      if (this.#published.has(layer) || this.#makers.has(layer)) this.#world.duplicates++;
      this.#publish(execution, layer);
      worker.store.add(layer.id, layer.bytes);
      execution.own.add(layer);
      execution.top = layer;
      this.#next(execution);
    });
  }

  #publish(execution: Execution, layer: Layer): void {
    const { worker, life } = execution;
    const count = (change: number) => this.#makers.set(layer, (this.#makers.get(layer) ?? 0) + change);
    count(1);
    execution.pushing++;
    this.#world.timeline.at(this.#world.push(worker, layer.bytes), () => {
      count(-1);
      execution.pushing--;
      if (this.#makers.get(layer) === 0) this.#makers.delete(layer);
      if (worker.life !== life) {
        this.#world.lost++;
        return;
      }
      this.#published.add(layer);
      if (!execution.isMaking) this.#next(execution);
    });
  }

  /** Unless the worker dies before. */
  #later({ worker, life }: Execution, time: number, run: () => void): void {
    this.#world.timeline.at(time, () => {
      if (worker.life === life) run();
    });
  }
}
