import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isObError, ObError } from "@ob/core";
import { generateX25519Identity, identityToRecipient } from "age-encryption";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { attachBuild } from "./client/attach-build.ts";
import { cancelBuild, clusterStatus, drainWorker } from "./client/manage.ts";
import { until } from "./redis-server.test.helper.ts";
import { TestCluster } from "./test-cluster.test.helper.ts";
import { pool, sameMachine } from "./test-worker.test.helper.ts";
import type { ContextTransport } from "./worker/context-transport.ts";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => await cluster[Symbol.asyncDispose]());

/** A stage of steps. */
function steps(...commands: readonly string[]): string {
  return `((from base) ${commands.map((command) => `(run (shell ${JSON.stringify(command)}))`).join(" ")})`;
}

async function begunCommands(): Promise<readonly string[]> {
  return (await cluster.runs()).filter(({ event }) => event === "begun").map(({ command }) => command);
}

test("a build runs on a worker, in one session, and the client gets what a build emits", async () => {
  await cluster.worker({ name: "w1" });
  const build = await cluster.build(
    `((build tools ((from base) (run (shell "print tools"))))
      (from base)
      (env A b)
      (run (shell "print one"))
      (copy (from (build tools)) (src /x) (dst /y))
      (run (shell "print two")))`,
  );
  expect(await build.result).toMatch(/^[0-9a-f]{64}$/);
  const shown = build.events.flatMap((event) => {
    if (event.type === "note") return [event.text];
    if (event.type === "step-started") return [event.step.heading];
    if (event.type === "step-output") return [Buffer.from(event.bytes).toString()];
    return event.type === "step-finished" ? [event.outcome] : [];
  });
  expect(shown).toEqual([
    '(build "tools" …)',
    ...["(from base)", "saved"],
    ...['/: (run (shell "print tools"))', "tools\n", "saved"],
    '--> finished "tools"',
    ...["(from base)", "saved"],
    "/: (env A b)",
    ...['/: (run (shell "print one"))', "one\n", "saved"],
    ...["/: (copy (from (build tools)) (src /x) (dst /y))", "saved"],
    ...['/: (run (shell "print two"))', "two\n", "saved"],
  ]);
  const runs = (await cluster.runs()).filter(({ event }) => event === "begun");
  expect(runs.map(({ continued }) => continued)).toEqual([false, false, true, true]);
  const again = await cluster.build(steps("print one"));
  expect(isObError(await again.result)).toBe(false);
  expect(await cluster.mixedLayers()).toEqual([]);
});

test("overlapping builds of several clients make each layer once", async () => {
  for (const name of ["w1", "w2", "w3"]) await cluster.worker({ name });
  const texts = ["a", "b", "c", "a", "b"].map((own) =>
    steps("sleep 40", "sleep 41", `sleep 30;print ${own}`, "sleep 42"),
  );
  const builds = await Promise.all(
    texts.map(async (text, index) => await cluster.build(text, { client: `c${index}` })),
  );
  const results = await Promise.all(builds.map(async ({ result }) => await result));
  expect(results.filter((result) => isObError(result))).toEqual([]);
  expect(results[0]).toBe(results[3]);
  const layers = (await cluster.runs()).filter(({ event }) => event === "ended").map(({ layer }) => layer);
  expect(layers).toHaveLength(2 + 3 + 3);
  expect(new Set(layers).size).toBe(layers.length);
  expect(builds.map((build) => build.output())).toEqual(["a\n", "b\n", "c\n", "a\n", "b\n"]);
  expect(await cluster.mixedLayers()).toEqual([]);
});

test("stages that do not need each other run on several workers, and what they share once", async () => {
  for (const name of ["w1", "w2"]) await cluster.worker({ name });
  const stage = (own: string) => `((from base) (run (shell "sleep 10")) (run (shell "meet 2;print ${own}")))`;
  const build = await cluster.build(
    `((build a ${stage("a")}) (build b ${stage("b")}) (from base)
      (copy (from (build a)) (src /x) (dst /y)) (copy (from (build b)) (src /x) (dst /z)))`,
  );
  expect(isObError(await build.result)).toBe(false);
  const runs = await cluster.runs();
  const long = runs.filter(({ command }) => command.startsWith("meet 2"));
  expect(new Set(long.map(({ worker }) => worker)).size).toBe(2);
  expect(long.map(({ event }) => event)).toEqual(["begun", "begun", "ended", "ended"]);
  expect(runs.filter(({ command, event }) => command === "sleep 10" && event === "ended")).toHaveLength(1);
});

test("the error of a failed step reaches every client that wants it, with the step; a new build tries again", async () => {
  await cluster.worker({ name: "w1" });
  const text = steps("print before", "sleep 200;print why;fail 3", "print never");
  const builds = [await cluster.build(text), await cluster.build(text, { client: "c2" })];
  for (const build of builds) {
    expect(await build.result).toMatchObject({
      code: "STEP_FAILED",
      exitCode: 3,
      step: { op: "run", output: "why" },
    });
    expect(build.output()).toBe("before\nwhy\n");
    expect(build.count("failed")).toBe(1);
  }
  const later = await cluster.build(text);
  expect(await later.result).toMatchObject({ code: "STEP_FAILED" });
  const failing = (await begunCommands()).filter((command) => command.startsWith("sleep 200"));
  expect(failing).toHaveLength(2);
});

describe("cancelling", () => {
  test("stops the step within two seconds", async () => {
    await cluster.worker({ name: "w1" });
    const build = await cluster.build(steps("sleep 60000"));
    await until(async () => (await begunCommands()).length === 1);
    const start = performance.now();
    await cancelBuild(cluster.redis, build.name);
    await until(async () => (await cluster.runs()).some(({ event }) => event === "stopped"));
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(await build.result).toMatchObject({ code: "CANCELLED" });
  });

  test("a step that another build wants goes on, and what only the cancelled one wants is not begun", async () => {
    await cluster.worker({ name: "w1" });
    const one = await cluster.build(steps("sleep 700", "print one"));
    await until(async () => (await begunCommands()).length === 1);
    const two = await cluster.build(steps("sleep 700", "print two"), { client: "c2" });
    await until(async () => (await cluster.redis.scard(await wantsOf(two.name))) === 2);
    await cancelBuild(cluster.redis, one.name);
    expect(await one.result).toMatchObject({ code: "CANCELLED" });
    expect(isObError(await two.result)).toBe(false);
    expect(await begunCommands()).toEqual(["sleep 700", "print two"]);
  });

  async function wantsOf(build: string): Promise<string> {
    const record = JSON.parse((await cluster.redis.hget(`ob:1:build:${build}`, "record")) ?? "{}");
    return `ob:1:wants:${record.steps?.[1].id}`;
  }

  test("a build that does not exist is named", async () => {
    await expect(cancelBuild(cluster.redis, "none")).rejects.toMatchObject({ code: "USAGE" });
    expect(await cluster.attach("none").result).toMatchObject({ code: "USAGE" });
  });
});

test("a client that attaches later, or again, sees the same", async () => {
  await cluster.worker({ name: "w1" });
  const build = await cluster.build(steps("flood 100000", "sleep 300;print end"));
  await until(() => build.output().length > 0);
  const second = cluster.attach(build.name);
  expect(await second.result).toBe(await build.result);
  const third = cluster.attach(build.name);
  expect(await third.result).toBe(await build.result);
  expect(second.output()).toBe(build.output());
  expect(third.output()).toBe(build.output());
});

test("a client that takes no more output has no more sent to it", async () => {
  await cluster.worker({ name: "w1" });
  const build = await cluster.build(steps("flood 4000000"));
  expect(isObError(await build.result)).toBe(false);
  const taking = Promise.withResolvers<void>();
  const asked = Promise.withResolvers<number>();
  let length = 0;
  const following = attachBuild(build.name, {
    redis: cluster.redis,
    emit: (event) => void (event.type === "step-output" && (length += event.bytes.length)),
    outputTaken: () => {
      asked.resolve(length);
      return taking.promise;
    },
  });
  expect(await asked.promise).toBeLessThanOrEqual(32 * 1024);
  // More would come with the answer of a server that is asked later.
  await cluster.redis.ping();
  expect(length).toBeLessThanOrEqual(32 * 1024);
  taking.resolve();
  await following;
  expect(length).toBe(4_000_000);
});

test("Redis holds no secret, in a step, its log, an error or a plan", async () => {
  const identity = await generateX25519Identity();
  await cluster.worker({ name: "w1", identity });
  const secret = "hunter2-of-the-cluster";
  const build = await cluster.build(
    `((from base) (run (secrets (token (target /t))) (shell "sleep 300;secret")))`,
    {
      secrets: new Map([["token", Buffer.from(secret)]]),
      recipients: [await identityToRecipient(identity)],
    },
  );
  const dumps: string[] = [];
  const dump = async () => {
    for (const key of await cluster.redis.keys("*")) {
      dumps.push((await cluster.redis.dumpBuffer(key))?.toString("latin1") ?? "");
    }
  };
  await until(async () => (await begunCommands()).length === 1);
  await dump();
  expect(isObError(await build.result)).toBe(false);
  expect(build.output()).toBe(`${secret.length}\n`);
  await dump();
  expect(dumps.length).toBeGreaterThan(10);
  const text = dumps.join("");
  expect(text.includes(secret)).toBe(false);
  expect(text.includes(Buffer.from(secret).toString("base64").slice(0, 20))).toBe(false);
  expect(await cluster.redis.exists(`ob:1:secrets:${build.name}`)).toBe(0);
});

test("a client with little to build does not wait for all of another's", async () => {
  await cluster.worker({ name: "w1" });
  const many = await Promise.all(
    Array.from({ length: 12 }, async (_, index) => await cluster.build(steps(`sleep 80;print ${index}`))),
  );
  await until(async () => (await begunCommands()).length === 1);
  const small = await cluster.build(steps("print small"), { client: "c2" });
  await small.result;
  const before = (await cluster.runs()).filter(({ event }) => event === "ended").length;
  expect(before).toBeLessThan(8);
  await Promise.all(many.map(async ({ result }) => await result));
});

test("a worker that is drained finishes its step, and others go on with its chain", async () => {
  let drains = 0;
  await cluster.worker({ name: "w1", onDrain: () => void drains++ });
  const build = await cluster.build(steps("sleep 500", "print second", "print third"));
  await until(async () => (await begunCommands()).length === 1);
  await cluster.worker({ name: "w2" });
  await drainWorker(cluster.redis, "w1");
  await until(async () => (await clusterStatus(cluster.redis)).workers.some(({ draining }) => draining));
  expect(isObError(await build.result)).toBe(false);
  const runs = (await cluster.runs()).filter(({ event }) => event === "ended");
  expect(runs.map(({ worker, command }) => `${worker} ${command}`)).toEqual([
    "w1 sleep 500",
    "w2 print second",
    "w2 print third",
  ]);
  expect(drains).toBe(1);
  await expect(drainWorker(cluster.redis, "none")).rejects.toMatchObject({ code: "USAGE" });
});

test("a layer that the registry has lost is made again, and nothing else", async () => {
  const first = await cluster.worker({ name: "w1" });
  const build = await cluster.build(steps("print one", "print two"));
  const last = await build.result;
  if (isObError(last)) throw last;
  await first.worker[Symbol.asyncDispose]();
  await first.transport.forget(last);
  await cluster.worker({ name: "w2" });
  const next = await cluster.build(steps("print one", "print two", "print three"));
  expect(isObError(await next.result)).toBe(false);
  const made = (await cluster.runs()).filter(({ event }) => event === "ended");
  expect(made.map(({ worker, command }) => `${worker} ${command}`)).toEqual([
    ...["w1 print one", "w1 print two"],
    ...["w2 print two", "w2 print three"],
  ]);
  expect(await cluster.mixedLayers()).toEqual([]);
});

test("while the registry does not answer builds wait, and do not fail", async () => {
  const first = await cluster.worker({ name: "w1" });
  expect(isObError(await (await cluster.build(steps("print one"))).result)).toBe(false);
  await first.worker[Symbol.asyncDispose]();
  const second = await cluster.worker({ name: "w2" });
  let tries = 0;
  second.transport.beforeFetch = () => {
    if (tries++ < 3) throw new ObError("REGISTRY", "connection refused");
  };
  const next = await cluster.build(steps("print one", "print two"));
  expect(isObError(await next.result)).toBe(false);
  expect(tries).toBeGreaterThan(3);
  expect(await begunCommands()).toEqual(["print one", "print two"]);
});

test("files of the build context reach the workers, and other ones than the client's are refused", async () => {
  await cluster.worker({ name: "w1" });
  const sourceDirectory = join(cluster.directory, "source");
  await mkdir(sourceDirectory);
  await writeFile(join(sourceDirectory, "file"), "1");
  const text = `((from base) (copy (src file) (dst /file)) (run (shell "print end")))`;
  const build = await cluster.build(text, { sourceDirectory });
  expect(isObError(await build.result)).toBe(false);
  await writeFile(join(sourceDirectory, "file"), "2");
  const contexts: ContextTransport = {
    ...sameMachine,
    publish: async ({ directory }) => {
      await writeFile(join(directory, "file"), "3");
      return directory;
    },
  };
  const changed = await cluster.build(text, { sourceDirectory, contexts });
  expect(await changed.result).toMatchObject({
    code: "STORE",
    message: expect.stringContaining("which its plan does not have"),
  });
});

test("the status shows workers, pools and what waits", async () => {
  await cluster.worker({ name: "w1", slots: 2 });
  const builds = [];
  for (let index = 0; index < 4; index++)
    builds.push(await cluster.build(steps(`sleep 1500;print ${index}`)));
  await until(async () => (await clusterStatus(cluster.redis)).pools[0]?.running === 2);
  // All four share the base image: the others wait for a slot once it is there.
  await until(async () => (await clusterStatus(cluster.redis)).pools[0]?.waiting === 2);
  const status = await clusterStatus(cluster.redis);
  expect(status.builds).toBe(4);
  expect(status.workers).toMatchObject([{ name: "w1", pools: [pool], slots: 2, draining: false }]);
  await Promise.all(builds.map(async ({ name }) => await cancelBuild(cluster.redis, name)));
});
