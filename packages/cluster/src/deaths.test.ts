import { kill } from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { isObError, type LayerId } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { expect, test } from "vitest";
import { until } from "./redis-server.test.helper.ts";
import { TestCluster } from "./test-cluster.test.helper.ts";
import type { RunRecord } from "./test-worker.test.helper.ts";
import { timing } from "./timing.ts";

/*
 * Most of the time nothing happens here but that locks expire: most tests run at the same time, each with a cluster of its own,
 * and have more time than others.
 */
const timeout = 180_000;

function steps(...commands: readonly string[]): string {
  return `((from base) ${commands.map((command) => `(run (shell ${JSON.stringify(command)}))`).join(" ")})`;
}

async function runsOf(cluster: TestCluster, event: RunRecord["event"]): Promise<readonly RunRecord[]> {
  return (await cluster.runs()).filter((run) => run.event === event);
}

/** Workers as processes, by their names. */
async function startWorkers(cluster: TestCluster, ...names: readonly string[]) {
  const started = names.map(async (name) => [name, await cluster.workerProcess({ name })] as const);
  return new Map(await Promise.all(started));
}

/** Which worker has begun a step. */
async function workerOf(cluster: TestCluster, command: string): Promise<string | undefined> {
  return (await runsOf(cluster, "begun")).findLast((run) => run.command === command)?.worker;
}

test("by its times, the work of a worker that has died is begun anew within 7 s", () => {
  // The lock of its job expires, and at the next look a worker sees it. `npm run bench -- cluster-faults` measures the rest.
  expect(timing.lock + timing.stalled).toBeLessThanOrEqual(7_000);
  // Whoever gets the job need not wait for the claim, which is as old as the lock at most.
  expect(timing.claim).toBeLessThanOrEqual(timing.lock);
});

test(
  "a worker that is killed in a step is replaced soon after its lock has expired, and nothing that is finished is made again",
  { timeout },
  async () => {
    await using cluster = await TestCluster.start();
    const workers = await startWorkers(cluster, "w1", "w2");
    const build = await cluster.build(
      steps("print one", "print two", "sleep 3000;print three", "print four"),
    );
    await until(async () => (await workerOf(cluster, "sleep 3000;print three")) !== undefined);
    // What is made and not yet published goes with its worker.
    await until(() => build.count("saved") === 3);
    const first = (await workerOf(cluster, "sleep 3000;print three")) ?? "";
    await workers.get(first)?.kill();
    expect(isObError(await build.result)).toBe(false);
    const again = (await runsOf(cluster, "begun")).filter(
      ({ command }) => command === "sleep 3000;print three",
    );
    expect(again).toHaveLength(2);
    expect(again[1]?.worker).not.toBe(first);
    const others = (await runsOf(cluster, "begun")).filter(
      ({ command }) => command !== "sleep 3000;print three",
    );
    expect(others.map(({ command }) => command)).toEqual(["print one", "print two", "print four"]);
    expect(build.output()).toBe("one\ntwo\nthree\nfour\n");
    expect(await cluster.mixedLayers()).toEqual([]);
  },
);

test.concurrent(
  "a worker that was stopped for ten seconds cannot commit, and no chain mixes versions",
  { timeout },
  async () => {
    await using cluster = await TestCluster.start();
    const workers = await startWorkers(cluster, "w1", "w2");
    const build = await cluster.build(steps("print one", "sleep 1000;print two", "print three"));
    await until(async () => (await workerOf(cluster, "sleep 1000;print two")) !== undefined);
    const frozen = (await workerOf(cluster, "sleep 1000;print two")) ?? "";
    const pid = workers.get(frozen)?.pid ?? 0;
    kill(pid, "SIGSTOP");
    await sleep(10_000);
    kill(pid, "SIGCONT");
    expect(isObError(await build.result)).toBe(false);
    // The worker that was stopped takes part in what comes next, with the version of the other one.
    const next = await cluster.build(steps("print one", "sleep 1000;print two", "print three", "print more"));
    expect(isObError(await next.result)).toBe(false);
    const three = (await runsOf(cluster, "ended")).filter(({ command }) => command === "print three");
    expect(three.map(({ worker }) => worker)).toEqual([frozen === "w1" ? "w2" : "w1"]);
    expect(await cluster.mixedLayers()).toEqual([]);
    // What the engine of the stopped worker had not reported is cached for the next one.
    expect(build.count("saved") + build.count("cached")).toBe(4);
  },
);

test.concurrent(
  "a worker that dies of a step is not followed by more than one other",
  { timeout },
  async () => {
    await using cluster = await TestCluster.start();
    await startWorkers(cluster, "w1", "w2", "w3");
    const build = await cluster.build(steps("print one", "die", "print never"));
    const error = await build.result;
    expect(error).toMatchObject({ code: "GUEST_LOST", step: { heading: "/: (run (shell die))" } });
    expect(isObError(error) && error.message).toMatch(
      /these workers died of it, or had no space left: w[123], w[123]\.$/,
    );
    const dead = (await runsOf(cluster, "begun")).filter(({ command }) => command === "die");
    expect(dead).toHaveLength(2);
  },
);

test.concurrent("an engine that is killed is replaced, and the build goes on", { timeout }, async () => {
  await using cluster = await TestCluster.start();
  // Only the first has an engine; the second comes when it is dead.
  const engine = await cluster.workerProcess({ name: "e1", pools: [] });
  await cluster.workerProcess({ name: "w1", engines: 0 });
  const build = await cluster.build(
    `((build a ((from base) (run (shell "sleep 1000;print a")))) (from other)
      (copy (from (build a)) (src /x) (dst /y)) (run (shell "print end")))`,
  );
  await until(async () => (await workerOf(cluster, "sleep 1000;print a")) !== undefined);
  await engine.kill();
  await cluster.workerProcess({ name: "e2", pools: [] });
  expect(isObError(await build.result)).toBe(false);
  expect(build.output()).toBe("a\nend\n");
  expect(await runsOf(cluster, "begun")).toHaveLength(3);
});

test.concurrent(
  "Redis that is killed and away for three seconds costs no step that is finished",
  { timeout },
  async () => {
    await using cluster = await TestCluster.start();
    await startWorkers(cluster, "w1", "w2");
    const own = (index: number) => [`sleep 300;print a${index}`, `sleep 300;print b${index}`];
    const texts = Array.from({ length: 6 }, (_, index) => steps("print shared", ...own(index)));
    const names = (await Promise.all(texts.map(async (text) => await cluster.build(text)))).map(
      ({ name }) => name,
    );
    await until(async () => (await runsOf(cluster, "ended")).length >= 4);
    // What Redis has acknowledged is on disk within a second.
    await sleep(1_200);
    const finished = await publishedLayers(cluster);
    await cluster.server.kill();
    await sleep(3_000);
    await cluster.server.start();
    const redis = await cluster.server.connect();
    const builds = names.map((name) => cluster.attach(name, redis));
    for (const { result } of builds) expect(await result).toMatch(/^[0-9a-f]{64}$/);
    expect(await cluster.mixedLayers()).toEqual([]);
    const ended = (await runsOf(cluster, "ended")).map(({ layer }) => layer);
    for (const layer of finished) expect(ended.filter((each) => each === layer)).toHaveLength(1);
  },
);

/** Layers that were published. */
async function publishedLayers(cluster: TestCluster): Promise<readonly LayerId[]> {
  const keys = await cluster.redis.keys("ob:1:layer:*");
  const states = await Promise.all(keys.map(async (key) => await cluster.redis.hget(key, "state")));
  const ids = keys
    .filter((_, index) => states[index] === "published")
    .map((key) => key.split(":")[3] as LayerId);
  const { id } = await new MemoryStore().baseImage("base");
  return ids.filter((each) => each !== id);
}
