import { TestCluster } from "../../../packages/cluster/src/test-cluster.test.helper.ts";
import { type Bench, type Scenario, timed } from "../bench.ts";

/** How long a simulated step takes, and a boot before the first of a virtual machine, in milliseconds. */
const [stepTime, bootTime] = [200, 400];
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

/** Eight chains, on so many workers. */
async function scaling({ results, quick }: Bench, workers: number): Promise<void> {
  await using running = await start(workers);
  const steps = quick ? 10 : stepsOfChain;
  const time = await timed(async () => {
    const builds = Array.from(
      { length: 8 },
      async (_, index) => await running.build(chain(`y${index}`, steps)),
    );
    for (const build of await Promise.all(builds)) await build.result;
  });
  // What the workers had, together.
  results.add(`8 chains on ${workers}: worker time`, time * workers);
}
