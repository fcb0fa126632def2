import { setTimeout as sleep } from "node:timers/promises";
import { cancelBuild } from "../../../packages/cluster/src/client/manage.ts";
import type { Figure } from "./figures.ts";
import { stageOf } from "./specs.ts";
import { qemusOf, untilNoQemu, type VmCluster } from "./vm-cluster.ts";

/** From a cancellation, as Redis gets it, until the build's QEMU is gone. */
export async function measureCancel(cluster: VmCluster, rounds: number): Promise<readonly Figure[]> {
  const redis = await cluster.redis.connect();
  const samples: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = cluster.log.events.length;
    const build = await cluster.submit(stageOf([`sleep 300; echo ${round}`]));
    const { store } = cluster.worker((await inCommand(cluster, start)).worker);
    if ((await qemusOf(store)).length !== 1) throw new Error("the build has no QEMU");
    const at = Date.now();
    await cancelBuild(redis, build);
    samples.push((await untilNoQemu(store, cluster.deadline)) - at);
  }
  return [
    {
      ...{ title: "cancel until the build's QEMU is gone", samples, unit: "ms", counts: "max" },
      aim: { kind: "at most", limit: 2_000 },
    },
  ];
}

/** `kill -9` of a worker in the middle of a step, until another one has begun that step. */
export async function measureTakeover(cluster: VmCluster, rounds: number): Promise<readonly Figure[]> {
  const [takeovers, ends]: [number[], number[]] = [[], []];
  let [redone, builds] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const start = cluster.log.events.length;
    const commands = Array.from({ length: 3 }, (_, step) => `sleep 3; echo ${round}-${step} >>/var/tmp/made`);
    const build = await cluster.submit(stageOf(commands));
    const first = await inCommand(cluster, start);
    // The second step is interrupted: the first one must not be made again.
    const { worker: name, step } = await cluster.log.next(
      (event) => event.phase === "run" && event.step !== first.step,
      { start, signal: cluster.deadline },
    );
    await sleep(1_000);
    const victim = cluster.worker(name);
    const at = Date.now();
    await cluster.stopWorker(victim, "SIGKILL");
    ends.push((await untilNoQemu(victim.store, cluster.deadline)) - at);
    const next = await cluster.log.next(
      (event) =>
        event.event === "step-started" && event.step === step && event.worker !== name && event.at > at,
      { start, signal: cluster.deadline },
    );
    takeovers.push((next.at - at) / 1_000);
    await cluster.startWorker(victim.index, { store: victim.store });
    await cluster.finished([build]);
    builds++;
    redone += cluster.stepsOf("saved", start).length - commands.length;
  }
  return [
    {
      ...{
        title: "`kill -9` of a worker in mid-step until another one has begun it",
        samples: takeovers,
        unit: "s",
      },
      ...{ counts: "max", aim: { kind: "at most", limit: 7 } },
    },
    { title: "its QEMU is gone", samples: ends, unit: "ms", counts: "max" },
    {
      title: `of ${rounds} such builds, finished`,
      samples: [builds],
      unit: "",
      aim: { kind: "exactly", limit: rounds },
    },
    { title: "finished steps made again", samples: [redone], unit: "", aim: { kind: "exactly", limit: 0 } },
  ];
}

/** Waits until a step's command runs. */
async function inCommand(cluster: VmCluster, start: number) {
  return await cluster.log.next(({ phase }) => phase === "run", { start, signal: cluster.deadline });
}
