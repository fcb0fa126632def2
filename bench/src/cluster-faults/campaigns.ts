import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { kill } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunRecord } from "../../../packages/cluster/src/test-worker.test.helper.ts";
import type { Random } from "../cluster-sim/random.ts";
import { choose, type FaultCluster } from "./fault-cluster.ts";
import type { TestNetwork } from "./network.ts";

export interface FaultContext {
  readonly running: FaultCluster;
  readonly random: Random;
  readonly network: TestNetwork | undefined;
}

/** A step that was interrupted, and when, in milliseconds since the epoch. */
export interface Interruption {
  readonly run: RunRecord;
  readonly at: number;
}

export interface Campaign {
  readonly name: string;
  readonly title: string;
  readonly workers: number;
  readonly rounds: number;
  /** True if the workers and Redis are in network namespaces. */
  readonly isNetworked: boolean;
  /** Does the damage, in the middle of a round. @returns the steps that it has interrupted for good. */
  readonly strike: (context: FaultContext) => Promise<readonly Interruption[]>;
}

/** How long Redis, the registry and a frozen worker are away, and the longest cut, in milliseconds. */
const away = { redis: 3_000, registry: 30_000, frozen: 60_000, shortestCut: 1_000, longestCut: 12_000 };

const beside = { isNetworked: false } as const;

export const campaigns: readonly Campaign[] = [
  {
    ...{ name: "kill", title: "`kill -9` of 2 of 8 workers in mid-step", workers: 8, rounds: 20, ...beside },
    strike: async ({ running, random }) => {
      const busy = await running.underWay(2);
      const victims = choose([...busy.keys()], 2, random);
      const struck = victims.map(async (name) => {
        await running.kill(name);
        return Date.now();
      });
      const times = await Promise.all(struck);
      const open = await running.busy();
      return victims.flatMap((name, index) => interruption(open.get(name), times[index] ?? 0));
    },
  },
  {
    ...{ name: "redis", title: "Redis `kill -9`, 3 s away", workers: 4, rounds: 10, ...beside },
    strike: async ({ running }) => {
      await running.underWay(2);
      await running.cluster.server.kill();
      await sleep(away.redis);
      await running.cluster.server.start();
      return [];
    },
  },
  {
    ...{ name: "registry", title: "registry 30 s away", workers: 4, rounds: 10, ...beside },
    strike: async ({ running }) => {
      await running.underWay(2);
      const mark = join(running.cluster.directory, "registry.away");
      await writeFile(mark, "");
      await sleep(away.registry);
      await rm(mark);
      return [];
    },
  },
  {
    ...{
      name: "freeze",
      title: "a worker stopped for 60 s (SIGSTOP), then continued",
      workers: 4,
      rounds: 3,
    },
    ...beside,
    strike: async ({ running, random }) => {
      const busy = await running.underWay(2);
      const [victim = ""] = choose([...busy.keys()], 1, random);
      const { pid } = running.process(victim);
      kill(pid, "SIGSTOP");
      const at = Date.now();
      const open = await running.busy();
      await sleep(away.frozen);
      kill(pid, "SIGCONT");
      return interruption(open.get(victim), at);
    },
  },
  {
    ...{
      name: "cut",
      title: "a worker's network cut for 1 to 12 s",
      workers: 3,
      rounds: 10,
      isNetworked: true,
    },
    strike: async ({ running, random, network }) => {
      await running.underWay(2);
      const victim = random.index(3);
      await network?.cut(victim);
      await sleep(away.shortestCut + random.index(away.longestCut - away.shortestCut));
      await network?.join(victim);
      return [];
    },
  },
];

function interruption(run: RunRecord | undefined, at: number): readonly Interruption[] {
  return run && run.time <= at ? [{ run, at }] : [];
}
