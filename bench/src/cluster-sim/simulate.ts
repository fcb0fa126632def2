import { median } from "../results.ts";
import { BuildPolicy } from "./build-policy.ts";
import { ChainPolicy } from "./chain-policy.ts";
import { type Ideal, idealOf } from "./ideal.ts";
import type { Parameters } from "./parameters.ts";
import { shareOut } from "./worker.ts";
import { World } from "./world.ts";
import type { Workload } from "./workload.ts";

/** The unit of work that a worker takes from the queue. */
export type Policy = "build" | "step" | "chain";

export const policies: readonly Policy[] = ["build", "step", "chain"];

export interface SimulationOptions {
  readonly parameters: Parameters;
  readonly workload: Workload;
  readonly policy: Policy;
  readonly workers: number;
  readonly seed: number;
  /** False for the order of arrival. */
  readonly isFair?: boolean;
}

/** What a simulation has shown; times in seconds. */
export interface Outcome {
  readonly ends: readonly number[];
  readonly ideal: Ideal;
  /** From the first arrival to the last end. */
  readonly makespan: number;
  /** What no scheduler can beat. */
  readonly bound: number;
  /** Of each build: its time divided by its ideal one, which counts as at least 10 s. */
  readonly slowdowns: readonly number[];
  readonly commits: number;
  readonly duplicates: number;
  readonly continued: number;
  readonly lost: number;
  readonly deaths: number;
  readonly takeovers: readonly number[];
  readonly bytes: number;
  /** What Redis and the registry were asked for from the first arrival to the last. */
  readonly callsPerSecond: number;
  readonly bytesPerSecond: number;
}

/** The usual bound on slowdowns: a build that has nearly nothing to do may take a few seconds. */
const shortest = 10;

export function simulate(options: SimulationOptions): Outcome {
  const { parameters, workload, seed, isFair = true } = options;
  const ideal = idealOf(workload, parameters);
  const workers = shareOut(options.workers, ideal.work);
  const world = new World(parameters, workload, seed + 1);
  const calls = callsOf(options.policy, parameters);
  const shared = { workers, isFair, calls };
  const { fleet } =
    options.policy === "build"
      ? new BuildPolicy(world, shared)
      : new ChainPolicy(world, { ...shared, length: options.policy === "step" ? 1 : Infinity });
  world.timeline.run(() => world.isOver);
  if (!world.isOver) throw new Error("the simulation has stopped before all builds were done");
  const first = workload.builds[0]?.arrival ?? 0;
  const makespan = world.timeline.now - first;
  const { network } = world;
  const { slots } = parameters.workers;
  const bounds = ideal.work.map((work, pool) => work / ((workers[pool] ?? 1) * slots));
  const { commits, duplicates, continued, lost, ends, takeovers } = world;
  return {
    ...{ ends, takeovers, ideal, makespan, commits, duplicates, continued, lost },
    deaths: fleet.deaths,
    bound: Math.max(...bounds, ideal.ends.reduce((a, b) => Math.max(a, b), 0) - first),
    slowdowns: workload.builds.map(({ arrival }, index) => {
      const [end = Infinity, best = 0] = [ends[index], ideal.ends[index]];
      return Math.max(1, (end - arrival) / Math.max(shortest, best - arrival));
    }),
    bytes: network.bytes,
    callsPerSecond: world.demand.calls,
    bytesPerSecond: world.demand.bytes,
  };
}

function callsOf(policy: Policy, { redis }: Parameters): number {
  switch (policy) {
    case "build":
      return redis.callsPerBuildLayer;
    case "step":
      return redis.callsPerStepLayer;
    case "chain":
      return redis.callsPerChainLayer;
  }
}

/** A share of the samples is not greater; undefined without samples. */
export function percentile(samples: readonly number[], share: number): number | undefined {
  if (share === 0.5) return median(samples);
  return samples.toSorted((a, b) => a - b)[Math.max(0, Math.ceil(samples.length * share) - 1)];
}
