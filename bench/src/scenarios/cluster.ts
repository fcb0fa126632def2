import { TestCluster } from "../../../packages/cluster/src/test-cluster.test.helper.ts";
import { type Bench, type Scenario, timed } from "../bench.ts";

/**
 * How long a simulated step takes, and a boot before the first of a virtual machine, in milliseconds. All workers share the
 * cores of this machine: with steps shorter than the shortest of real machines, `further step resumed` of `steps`, the
 * measurement would be one of these cores.
 */
const [stepTime, bootTime] = [500, 1_000];
const stepsOfChain = 20;

/** The queues, claims and logs of many machines, on this one: guests are simulated by sleeping. */
export const cluster: Scenario = {
  name: "cluster",
  title: "Many machines: eight workers with simulated guests, four clients, 480 layers",
  async run(bench) {
    await overlapping(bench);
    for (const workers of [1, 2, 4, 8]) await scaling(bench, workers);
  },
};

/** A stage whose steps sleep. */
function chain(name: string, steps: number): string {
  const runs = Array.from(
    { length: steps },
    (_, step) => `(run (shell "sleep ${stepTime};print ${name}-${step}"))`,
  );
  return `((from base) ${runs.join(" ")})`;
}

async function start(workers: number): Promise<TestCluster> {
  const started = await TestCluster.start();
  const names = Array.from({ length: workers }, (_, index) => `w${index}`);
  await Promise.all(names.map(async (name) => await started.workerProcess({ name, boot: bootTime })));
  // The base image is there, as on any machine after its first build.
  await (
    await started.build("((from base))")
  ).result;
  return started;
}

/** Each of 24 chains is wanted by two of four clients. */
async function overlapping({ results }: Bench): Promise<void> {
  const [workers, chains] = [8, 24];
  await using running = await start(workers);
  const time = await timed(async () => {
    const builds = Array.from({ length: 2 * chains }, async (_, index) => {
      const client = `c${(index + Math.floor(index / chains)) % 4}`;
      return await running.build(chain(`x${index % chains}`, stepsOfChain), { client });
    });
    for (const build of await Promise.all(builds)) {
      const result = await build.result;
      if (typeof result !== "string") throw result;
    }
  });
  const ended = (await running.runs()).filter(({ event }) => event === "ended");
  const layers = new Set(ended.map(({ layer }) => layer)).size;
  if (layers !== chains * stepsOfChain) throw new Error(`${layers} layers were made`);
  const mixed = await running.mixedLayers();
  if (mixed.length > 0) throw new Error(`${mixed.length} layers are not on the version of their parent`);
  results.add("layers of the cluster", layers);
  results.add("commits of the cluster", ended.length);
  results.add("steps that could continue", layers - chains);
  results.add("steps that continued", ended.filter(({ continued }) => continued).length);
  results.add("cluster: 8 workers", time);
  results.add("cluster: bound", (chains * (bootTime + stepsOfChain * stepTime)) / workers);
}

/** Eight chains, on so many workers, each of which has built something before. */
async function scaling({ results, quick }: Bench, workers: number): Promise<void> {
  await using running = await start(workers);
  const steps = quick ? 10 : stepsOfChain;
  const build = async (name: string, chains: number, length: number) => {
    const names = Array.from({ length: chains }, (_, index) => `${name}${index}`);
    const builds = await Promise.all(names.map(async (each) => await running.build(chain(each, length))));
    for (const { result } of builds) if (typeof (await result) !== "string") throw await result;
  };
  await build("warm", 2 * workers, 3);
  await running.redis.config("RESETSTAT");
  const before = await running.processorTime();
  const redisBefore = await redisTime(running);
  const time = await timed(async () => await build("y", 8, steps));
  const used = (await running.processorTime()) - before;
  // What the workers had, together.
  results.add(`8 chains on ${workers}: worker time`, time * workers);
  results.add(`8 chains on ${workers}: processor time a layer`, used / (8 * steps));
  const [calls, redisUsed] = [await callsOf(running), (await redisTime(running)) - redisBefore];
  results.add(`count: Redis calls a layer, 8 chains on ${workers}`, calls / (8 * steps));
  results.add(`count: Redis microseconds a call, 8 chains on ${workers}`, redisUsed / calls);
}

/** How many commands Redis has run since its statistics were reset, those of scripts included. */
async function callsOf({ redis }: TestCluster): Promise<number> {
  const lines = (await redis.info("commandstats")).matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm);
  return [...lines].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

/** The processor time that Redis has used, in microseconds. */
async function redisTime({ redis }: TestCluster): Promise<number> {
  const lines = (await redis.info("cpu")).matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm);
  return [...lines].reduce((sum, [, seconds]) => sum + 1e6 * Number(seconds), 0);
}
