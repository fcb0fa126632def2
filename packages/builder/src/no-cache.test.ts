import { parseSpec } from "@ob/spec";
import { expect, test } from "vitest";
import { bench, request } from "./builds.test.helper.ts";

const text = "((from base) (run (shell one)) (run (shell two)))";

test("a build without the cache runs every step, and later builds use the new layers", async () => {
  await using setting = bench();
  const { builder, sandbox, store } = setting;
  const old = await builder.build(request(text));
  const anew = await builder.build(request(text), { noCache: true });
  expect(sandbox.commands).toEqual(["one", "two", "one", "two"]);
  expect(anew).not.toBe(old);
  expect(await builder.build(request(text))).toBe(anew);
  expect((await builder.plan(request(text))).map(({ cached }) => cached)).toEqual([true, true, true]);
  // A layer never changes: what was based on the old one still is.
  expect(await store.find(old)).toBeDefined();
  expect(sandbox.commands).toHaveLength(4);
  await builder.build(request("((from base) (run (shell one)) (run (shell three)))"));
  expect(sandbox.commands.slice(4)).toEqual(["three"]);
});

test("steps that were never run have the ids that they always have", async () => {
  await using fresh = bench();
  await using other = bench();
  const id = await fresh.builder.build(request(text), { noCache: true });
  expect(await other.builder.build(request(text))).toBe(id);
});

test("a step that fails leaves the layer that was there, and those before it are new", async () => {
  let fails = false;
  await using setting = bench({ run: ({ task }) => (fails && task.command === "two" ? 1 : 0) });
  const { builder, sandbox } = setting;
  const old = await builder.build(request(text));
  fails = true;
  await expect(builder.build(request(text), { noCache: true })).rejects.toMatchObject({
    code: "STEP_FAILED",
  });
  fails = false;
  const next = await builder.build(request(text));
  expect(next).not.toBe(old);
  expect(sandbox.commands).toEqual(["one", "two", "one", "two", "two"]);
});

test("only the named builds are run anew, and what copies from them", async () => {
  await using setting = bench();
  const { builder, sandbox, events } = setting;
  const copy = "(copy (from (build a)) (src /f) (dst /f))";
  const spec = `((build a ((from base) (run (shell a)))) (build b ((from base) (run (shell b))))
    (from base) (run (shell main)) ${copy})`;
  await builder.build(request(spec));
  const before = sandbox.steps.length;
  await builder.build(request(spec), { noCache: ["a", "c"] });
  expect(sandbox.commands).toEqual(["a", "b", "main", "a"]);
  expect(sandbox.steps.slice(before).map(({ task }) => task.kind)).toEqual(["run", "copy"]);
  expect(events).toContainEqual({
    type: "log",
    level: "warning",
    text: 'The spec has no build "c" to run anew. Did you mean a or b?',
  });
  await builder.build(request(spec), { noCache: [""] });
  expect(sandbox.commands.slice(4)).toEqual(["main"]);
});

test("two stages that share a step run it anew once, in parallel too", async () => {
  await using setting = bench();
  const { builder, sandbox } = setting;
  const spec = `((build a ((from base) (run (shell same)))) (build b ((from base) (run (shell same)))) (from base))`;
  await builder.build(request(spec));
  for (const jobs of [1, 3]) await builder.build(request(spec), { noCache: true, jobs });
  expect(sandbox.commands).toEqual(["same", "same", "same"]);
});

test("a plan without the cache shows what would be run, and remembers nothing", async () => {
  await using setting = bench();
  const { builder } = setting;
  const old = await builder.build(request(text));
  const planned = await builder.plan(request(text), { noCache: true });
  expect(planned.map(({ cached }) => cached)).toEqual([true, false, false]);
  expect(await builder.build(request(text))).toBe(old);
});

test("a store that cannot remember refuses", async () => {
  await using setting = bench();
  const { store, builder } = setting;
  Object.defineProperty(store, "renewals", { value: undefined });
  await builder.build({ ...request(text), spec: parseSpec(text) });
  await expect(builder.build(request(text), { noCache: true })).rejects.toMatchObject({ code: "USAGE" });
});
