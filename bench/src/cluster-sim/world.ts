import { Network } from "./network.ts";
import type { Parameters } from "./parameters.ts";
import { Random } from "./random.ts";
import { Timeline } from "./timeline.ts";
import type { Build, Stage, Workload } from "./workload.ts";
import type { Worker } from "./worker.ts";

/** What the scheduling of builds is made of, and what is counted. */
export class World {
  readonly parameters: Parameters;
  readonly workload: Workload;
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly network: Network;
  /** When each build was done, in seconds. */
  readonly ends: number[] = [];
  /** How long it took until a layer of a worker that died was claimed again, in seconds. */
  readonly takeovers: number[] = [];
  /** Commits of layers. */
  commits = 0;
  /** Commits of layers that were already made. */
  duplicates = 0;
  /** Commits in the virtual machine of the step before. */
  continued = 0;
  /** Layers that were lost with their worker, before they were published. */
  lost = 0;
  /** What was asked for while builds arrived, by second. */
  demand = { calls: 0, bytes: 0 };
  #ended = 0;

  constructor(parameters: Parameters, workload: Workload, seed: number) {
    this.parameters = parameters;
    this.workload = workload;
    this.random = new Random(seed);
    this.network = new Network(parameters, this.timeline);
  }

  get isOver(): boolean {
    return this.#ended === this.workload.builds.length;
  }

  end(build: number): void {
    this.ends[build] = this.timeline.now;
    this.#ended++;
  }

  /** Plans the arrival of each build. */
  submit(onSubmitted: (build: Build, index: number) => void): void {
    for (const [index, build] of this.workload.builds.entries()) {
      this.timeline.at(build.arrival, () => onSubmitted(build, index));
    }
    const [first, last] = [this.workload.builds[0]?.arrival ?? 0, this.workload.builds.at(-1)?.arrival ?? 0];
    this.timeline.at(last, () => {
      const { calls, bytes } = this.network;
      const seconds = Math.max(1e-3, last - first);
      this.demand = { calls: calls / seconds, bytes: bytes / seconds };
    });
  }

  /** @returns when a virtual machine runs on the layer below `index`, whose missing parts are pulled. */
  boot(worker: Worker, { base, layers }: Stage, index: number): number {
    const { vm, registry } = this.parameters;
    const baseId = -1 - base;
    let missing = 0;
    let isPulled = false;
    if (!worker.store.use(baseId)) {
      worker.store.add(baseId, registry.lazyBaseBytes);
      missing += registry.lazyBaseBytes;
      isPulled = true;
    }
    for (const { id, bytes } of layers.slice(0, index)) {
      if (worker.store.use(id)) continue;
      worker.store.add(id, bytes);
      missing += bytes;
      isPulled = true;
    }
    const pulled = isPulled
      ? this.network.transfer(worker, missing) + registry.pullSeconds
      : this.timeline.now;
    const start = worker.bases.has(base) ? vm.resume : vm.boot;
    worker.bases.add(base);
    return pulled + start;
  }

  /** When what a worker held that dies now is known to be lost: its claim and its lock end, and somebody looks. */
  noticed(): number {
    const { claim, renew, stalled } = this.parameters.redis;
    return this.timeline.now + claim - this.random.uniform() * renew + this.random.uniform() * stalled;
  }

  /** @returns when a layer that a worker has made is published. */
  push(worker: Worker, bytes: number): number {
    return this.network.transfer(worker, bytes) + this.parameters.registry.pushSeconds;
  }
}
