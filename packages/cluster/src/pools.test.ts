import { isObError } from "@ob/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestCluster } from "./test-cluster.test.helper.ts";
import { pool } from "./test-worker.test.helper.ts";
import { until } from "./redis-server.test.helper.ts";

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.start();
});
afterEach(async () => await cluster[Symbol.asyncDispose]());

const steps = (...commands: readonly string[]) =>
  `((from base) ${commands.map((command) => `(run (shell ${JSON.stringify(command)}))`).join(" ")})`;

test("the slots of a worker are shared by its pools", async () => {
  await cluster.worker({ name: "w1", pools: [pool, "second"], slots: 1 });
  const poolOf = (image: string) => (image === "base" ? pool : "second");
  const builds = await Promise.all([
    cluster.build(steps("sleep 300;print a"), { poolOf }),
    cluster.build(steps("sleep 300;print b").replace("base", "other"), { poolOf }),
  ]);
  for (const build of builds) expect(isObError(await build.result)).toBe(false);
  const events = (await cluster.runs()).map(({ event }) => event);
  expect(events).toEqual(["begun", "ended", "begun", "ended"]);
});

test("a worker without a free slot leaves the work of its other pools to those who can do it", async () => {
  await cluster.worker({ name: "w1", pools: [pool, "second"], slots: 1 });
  // It ends with the test.
  await cluster.build(steps("sleep 600000"));
  const begun = async (command: string) =>
    (await cluster.runs()).find((run) => run.event === "begun" && run.command === command)?.worker;
  await until(async () => (await begun("sleep 600000")) !== undefined);
  const waiting = await Promise.all(
    ["a", "b"].map(async (name) => await cluster.build(steps(`print ${name}`), { poolOf: () => "second" })),
  );
  await cluster.worker({ name: "w2", pools: ["second"], slots: 1 });
  for (const build of waiting) expect(await build.result).toMatch(/^[0-9a-f]{64}$/);
  expect([await begun("print a"), await begun("print b")]).toEqual(["w2", "w2"]);
});

test("a worker serves all of its pools while each of them has work", async () => {
  const texts = ["a", "b", "c", "d"].map((name) => steps(`print ${name}`));
  const builds = await Promise.all(
    texts.map(
      async (text, index) => await cluster.build(text, { poolOf: () => (index % 2 ? pool : "second") }),
    ),
  );
  await cluster.worker({ name: "w1", pools: [pool, "second"], slots: 1 });
  for (const build of builds) expect(await build.result).toMatch(/^[0-9a-f]{64}$/);
});
