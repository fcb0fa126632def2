import { randomBytes } from "node:crypto";
import { baseLayerId, isObError, type LayerId, ObError } from "@ob/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HandedOut, plannedStages } from "./engine/build-plan.ts";
import type { BuildRecord } from "./engine/build-record.ts";
import { id, until } from "./redis-server.test.helper.ts";
import { keys } from "./redis/keys.ts";
import { LayerStates } from "./redis/layer-states.ts";
import { type TestBuild, TestCluster } from "./test-cluster.test.helper.ts";
import { sameMachine } from "./test-worker.test.helper.ts";
import type { ContextTransport } from "./worker/context-transport.ts";

/*
 * What a client does who has the rights of `deploy/users.acl` and no good intentions: it leaves whatever it likes to be
 * accepted. Other clients' builds must be as if it were not there.
 */

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => await cluster[Symbol.asyncDispose]());

const victim = '((from base) (run (shell "print first")) (run (shell "print second")))';

/** What an honest client leaves to be accepted. It is taken back: there must be no engine yet. */
async function recordOf(text: string): Promise<BuildRecord> {
  const { name } = await cluster.build(text, { client: "c2" });
  const left = JSON.parse((await cluster.redis.getdel(keys.submission(name))) ?? "") as { record: string };
  await cluster.redis.del(keys.submissions);
  return JSON.parse(left.record) as BuildRecord;
}

/** Leaves a record to be accepted. */
async function leave(record: BuildRecord, secrets?: string): Promise<TestBuild> {
  const name = randomBytes(8).toString("hex");
  const submission = { v: 1, record: JSON.stringify(record), ...(secrets !== undefined && { secrets }) };
  await cluster.redis.set(keys.submission(name), JSON.stringify(submission));
  await cluster.redis.xadd(keys.submissions, "*", "build", name);
  return cluster.attach(name);
}

async function stateOf(layer: LayerId) {
  const [state] = await new LayerStates(cluster.redis).states([layer]);
  return state;
}

describe("a plan that is not that of its spec", () => {
  test("makes no layer of somebody else's id, and fails none", async () => {
    const [, first = id("?"), second = id("?")] = (await recordOf(victim)).steps.map((step) => step.id);
    const record = await recordOf('((from base) (run (shell "print evil")) (run (shell "print worse")))');
    const [base, step, last] = record.steps;
    if (!base || !step || !last) throw new Error("three steps");
    const plans: readonly BuildRecord["steps"][] = [
      // The base image under the id of a victim's step, and with it the whole victim's chain.
      [{ ...base, id: first }, step, last],
      // Another command under a victim's id; the second one is claimed when the first one is made.
      [base, { ...step, id: first }, last],
      [base, step, { ...last, id: second }],
      [base, { ...step, id: first }, { ...last, id: second }],
      // Fewer and more steps, and other ones.
      [base, step],
      [base, step, last, { ...last, id: second }],
      [base, { ...step, op: "copy" }, last],
    ];
    await cluster.worker({ name: "w1" });
    for (const steps of plans) {
      const result = await (await leave({ ...record, steps })).result;
      expect(isObError(result, "BAD_SPEC", "STORE"), String(result)).toBe(true);
    }
    for (const layer of [first, second])
      expect(await stateOf(layer)).toEqual({ kind: "absent", failure: undefined });
    const build = await cluster.build(victim);
    expect(await build.result).toBe(second);
    expect(build.output()).toBe("first\nsecond\n");
  });

  test("is refused before anything is built if it starts from a tag of the worker's store", async () => {
    const text = "((from obuilder:private))";
    const steps = [{ id: baseLayerId("obuilder:private"), op: "from", heading: "", build: [] }] as const;
    expect(() => plannedStages({ spec: text, steps: [...steps] })).toThrow("is a tag of one store");
  });
});

describe("what is wrong with one build", () => {
  const contexts: ContextTransport = {
    ...sameMachine,
    fetch: async (directory) => {
      if (directory !== "/broken") return await sameMachine.fetch(directory);
      throw new ObError("BAD_SOURCE", "The context is broken.");
    },
  };

  test.each([
    { what: "a context that cannot be used", change: { context: "/broken" }, code: "BAD_SOURCE" },
    { what: "secrets that do not open", change: {}, secrets: "AAAA", code: "BAD_SECRET" },
  ])("fails no layer that another build wants, too: $what", async ({ change, secrets, code }) => {
    const record = await recordOf(victim);
    const builds = [await leave({ ...record, ...change }, secrets), await leave(record), await leave(record)];
    await cluster.worker({ name: "w1", contexts });
    const [broken, ...others] = await Promise.all(builds.map(async ({ result }) => await result));
    expect(broken).toMatchObject({ code });
    expect(others.filter((result) => isObError(result))).toEqual([]);
    expect(builds[1]?.output()).toBe("first\nsecond\n");
  });
});

test("a step that fills disks drains two workers, and not one after the other", async () => {
  const workers = [];
  for (const name of ["w1", "w2", "w3"]) workers.push((await cluster.worker({ name })).worker);
  const build = await cluster.build('((from base) (run (shell "fill")))');
  expect(await build.result).toMatchObject({
    code: "GUEST_LOST",
    message: expect.stringMatching(/had no space left: w[123], w[123]\.$/),
  });
  expect(workers.filter((worker) => !worker.status().draining)).toHaveLength(1);
});

test("a client from the future has a failed step not tried again", async () => {
  const record = await recordOf('((from base) (run (shell "print no;fail 3")))');
  await cluster.worker({ name: "w1" });
  const build = await leave({ ...record, time: Number.MAX_SAFE_INTEGER });
  expect(await build.result).toMatchObject({ code: "STEP_FAILED" });
});

test("an image that is named like a property of every object has no pool", async () => {
  const record = await recordOf("((from base))");
  await cluster.worker({ name: "w1" });
  const steps = record.steps.map((step) => ({ ...step, id: baseLayerId("toString") }));
  const build = await leave({ ...record, spec: "((from toString))", steps });
  expect(await build.result).toMatchObject({ code: "USAGE", message: expect.stringContaining("No pool") });
});

describe("the keys that clients write", () => {
  const name = "0123456789abcdef";

  test.each<[string, () => Promise<unknown>]>([
    [
      "a submission of another type",
      async () => await cluster.redis.xadd(keys.submission(name), "*", "a", "b"),
    ],
    [
      "a submission that is no JSON",
      async () => await cluster.redis.set(keys.submission(name), "[".repeat(1e6)),
    ],
    [
      "a submission that is too long",
      async () => await cluster.redis.setrange(keys.submission(name), 60 * 2 ** 20, "x"),
    ],
    ["nothing", async () => undefined],
  ])("hold %s, and the next build is accepted", async (_, spoil) => {
    await spoil();
    await cluster.redis.xadd(keys.submissions, "*", "build", name);
    await cluster.redis.xadd(keys.submissions, "*", "other", "x", "build", name);
    await cluster.worker({ name: "w1" });
    const build = await cluster.build(victim);
    expect(isObError(await build.result)).toBe(false);
    expect(await cluster.redis.exists(keys.submission(name))).toBe(0);
    expect(await cluster.redis.xlen(keys.submissions)).toBe(0);
    // What is too long was not read.
    const sent = /total_net_output_bytes:(\d+)/.exec(await cluster.redis.info("stats"))?.[1];
    expect(Number(sent)).toBeLessThan(20_000_000);
  });

  test.each<[string, () => Promise<unknown>]>([
    ["something else in place of the stream", async () => await cluster.redis.set(keys.submissions, "x")],
    [
      "a submission after which none can be added",
      async () =>
        await cluster.redis.xadd(keys.submissions, "18446744073709551615-18446744073709551615", "a", "b"),
    ],
  ])("hold %s until an engine looks at it", async (_, spoil) => {
    await spoil();
    await cluster.worker({ name: "w1" });
    await until(
      async () => (await cluster.redis.xadd(keys.submissions, "*", "a", "b").catch(() => null)) !== null,
    );
    const build = await cluster.build(victim);
    expect(isObError(await build.result)).toBe(false);
  });
});

describe("a spec that is made to keep an engine busy", () => {
  test("is refused if it has more stages than a build may have steps", () => {
    const builds = Array.from({ length: 60_000 }, (_, index) => `(build b${index} ((from base)))`);
    expect(() => plannedStages({ spec: `(${builds.join("")}(from base))`, steps: [] })).toThrow(
      "does not belong to its spec",
    );
  });

  test("is refused if its chains, each with what it copies from, have too much of it", () => {
    const handedOut = new HandedOut();
    const spec = "x".repeat(2 ** 22);
    // Added again, as when Redis has lost it, it counts once.
    for (let stage = 0; stage < 32; stage++) handedOut.add(stage >> 1, { spec });
    expect(() => handedOut.add(16, { spec })).toThrow("more than 67108864 characters");
  });
});
