import { expect, test } from "vitest";
import { until } from "./redis-server.test.helper.ts";
import { TestCluster } from "./test-cluster.test.helper.ts";

const spec = '((from base) (run (shell "sleep 600000")))';

/** A worker whose step runs as long as nobody ends it. */
async function startBusyWorker(cluster: TestCluster, drainPatience: number) {
  const started = await cluster.worker({ name: "w1", drainPatience });
  await cluster.build(spec);
  await until(async () => (await cluster.runs()).some(({ event }) => event === "begun"));
  return started.worker;
}

const eventsOf = async (cluster: TestCluster) => (await cluster.runs()).map(({ event }) => event);

test.each(["killed", "stopped"])(
  "a worker that is drained while Redis is %s ends what runs after its patience, and says so",
  async (how) => {
    await using cluster = await TestCluster.start();
    const worker = await startBusyWorker(cluster, 1_000);
    using stack = new DisposableStack();
    if (how === "killed") await cluster.server.kill();
    else stack.use(cluster.server.freeze());
    const drained = worker.drained.catch((error: unknown) => error);
    await expect(worker.drain()).rejects.toMatchObject({
      code: "STORE",
      message: "Redis has not answered for 1 s: the steps that ran here were ended.",
      hint: expect.stringContaining("claims run out"),
    });
    expect(await drained).toMatchObject({ code: "STORE" });
    expect(await eventsOf(cluster)).toEqual(["begun", "stopped"]);
    await worker[Symbol.asyncDispose]();
  },
);

test("a worker that is disposed of while Redis is away ends what runs", async () => {
  await using cluster = await TestCluster.start();
  const worker = await startBusyWorker(cluster, 500);
  await cluster.server.kill();
  await worker[Symbol.asyncDispose]();
  expect(await eventsOf(cluster)).toEqual(["begun", "stopped"]);
});

test("a worker that is drained finishes its step if Redis comes back in time", async () => {
  await using cluster = await TestCluster.start();
  const { worker } = await cluster.worker({ name: "w1" });
  const build = await cluster.build('((from base) (run (shell "sleep 1500")))');
  await until(async () => (await cluster.runs()).some(({ event }) => event === "begun"));
  await cluster.server.kill();
  const draining = worker.drain();
  await cluster.server.start();
  await draining;
  expect(await eventsOf(cluster)).toEqual(["begun", "ended"]);
  await cluster.worker({ name: "w2" });
  const again = cluster.attach(build.name, await cluster.server.connect());
  expect(await again.result).toMatch(/^[0-9a-f]{64}$/);
});
