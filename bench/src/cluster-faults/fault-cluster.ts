import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestProcess } from "@ob/core/testing";
import { TestCluster } from "../../../packages/cluster/src/test-cluster.test.helper.ts";
import type { RunRecord } from "../../../packages/cluster/src/test-worker.test.helper.ts";
import type { Random } from "../cluster-sim/random.ts";
import type { Place } from "./network.ts";

/** The shape of a round's builds: each is a chain of its own. Steps sleep for a random time, in milliseconds. */
export const shape = { builds: 6, steps: 6, shortest: 300, longest: 900 };

/** When a build counts as lost, in milliseconds: none takes a tenth of it on an idle machine. */
const patience = 300_000;

export interface FaultClusterOptions {
  readonly random: Random;
  readonly workers: number;
  /** Where the workers run; by default beside the caller. */
  readonly places?: readonly Place[];
  /** Where Redis runs, and listens at port 6379. */
  readonly hub?: Place;
}

/** A cluster whose guests are scripted, with one worker a process, and what its rounds have asked for. */
export class FaultCluster implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly #options: FaultClusterOptions;
  readonly #workers = new Map<string, TestProcess>();
  /** When each worker was started last, in milliseconds since the epoch: what one before it ran has no end. */
  readonly #started = new Map<string, number>();
  readonly #published = new Map<string, number>();
  #round = 0;

  private constructor(cluster: TestCluster, options: FaultClusterOptions) {
    this.cluster = cluster;
    this.#options = options;
  }

  static async start(options: FaultClusterOptions): Promise<FaultCluster> {
    const { hub } = options;
    const cluster = await TestCluster.start(hub ? { through: hub.through, port: 6379 } : {});
    const started = new FaultCluster(cluster, options);
    await started.#listen();
    await started.fill();
    const { result } = await cluster.build("((from base))");
    await result;
    return started;
  }

  /** Starts the workers that are missing. */
  async fill(): Promise<void> {
    const { workers, places, hub } = this.#options;
    const names = Array.from({ length: workers }, (_, index) => `w${index}`);
    await Promise.all(
      names.map(async (name, index) => {
        if (this.#workers.has(name)) return;
        this.#started.set(name, Date.now());
        const url = hub && { url: `redis://${hub.address}:6379` };
        const through = places?.[index]?.through ?? [];
        this.#workers.set(name, await this.cluster.workerProcess({ name, ...url }, through));
      }),
    );
  }

  process(name: string): TestProcess {
    const found = this.#workers.get(name);
    if (!found) throw new RangeError(`there is no worker ${name}`);
    return found;
  }

  async kill(name: string): Promise<void> {
    await this.process(name).kill();
    this.#workers.delete(name);
  }

  /** Submits the builds of a round. */
  async submit(): Promise<readonly string[]> {
    const { random } = this.#options;
    const round = this.#round++;
    const step = (build: number, index: number) => {
      const time = shape.shortest + random.index(shape.longest - shape.shortest);
      return `(run (shell "sleep ${time};print ${round}-${build}-${index}"))`;
    };
    const names: string[] = [];
    for (let build = 0; build < shape.builds; build++) {
      const steps = Array.from({ length: shape.steps }, (_, index) => step(build, index));
      const { name } = await this.cluster.build(`((from base) ${steps.join(" ")})`);
      names.push(name);
    }
    return names;
  }

  /** Waits for builds, also while Redis comes and goes. @returns how many have been built. */
  async finished(names: readonly string[]): Promise<number> {
    const deadline = performance.now() + patience;
    const results = names.map(async (name) => {
      while (performance.now() < deadline) {
        const outcome = await this.#outcome(name);
        if (outcome !== undefined) return outcome === "built";
        await sleep(100);
      }
      return false;
    });
    return (await Promise.all(results)).filter(Boolean).length;
  }

  async runs(): Promise<readonly RunRecord[]> {
    return await this.cluster.runs();
  }

  /** The steps that run now, by their workers. */
  async busy(): Promise<ReadonlyMap<string, RunRecord>> {
    const open = new Map<string, RunRecord>();
    for (const run of await this.runs()) {
      if (run.time < (this.#started.get(run.worker) ?? 0)) continue;
      if (run.event === "begun") open.set(run.worker, run);
      else open.delete(run.worker);
    }
    return open;
  }

  /** Waits until so many workers are in mid-step, and for up to a second more. */
  async underWay(workers: number): Promise<ReadonlyMap<string, RunRecord>> {
    while ((await this.busy()).size < workers) await sleep(20);
    await sleep(this.#options.random.index(1_000));
    for (;;) {
      const busy = await this.busy();
      if (busy.size >= workers) return busy;
      await sleep(20);
    }
  }

  /** When each layer was announced as published first, in milliseconds since the epoch. */
  get published(): ReadonlyMap<string, number> {
    return this.#published;
  }

  /** How many layers have more than one version in the registry. */
  async twice(): Promise<number> {
    const names = await readdir(join(this.cluster.directory, "registry"));
    const layers = names.flatMap((name) => name.split("@").slice(0, -1));
    return layers.length - new Set(layers).size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
  }

  async #listen(): Promise<void> {
    // As a worker it connects again and again.
    const redis = await this.cluster.server.connect("worker");
    redis.on("message", (_channel: string, text: string) => {
      const { id, state } = JSON.parse(text) as { readonly id: string; readonly state: string };
      if (state === "published" && !this.#published.has(id)) this.#published.set(id, Date.now());
    });
    await redis.subscribe("ob:1:done");
  }

  async #outcome(build: string): Promise<string | undefined> {
    const redis = await this.cluster.server.connect().catch(() => undefined);
    if (!redis) return undefined;
    try {
      return (await redis.hget(`ob:1:build:${build}`, "outcome")) ?? undefined;
    } catch {
      return undefined;
    } finally {
      redis.disconnect();
    }
  }
}

/** A random choice of different items. */
export function choose<T>(items: readonly T[], count: number, random: Random): readonly T[] {
  const left = [...items];
  const chosen: T[] = [];
  while (chosen.length < count && left.length > 0) chosen.push(...left.splice(random.index(left.length), 1));
  return chosen;
}
