import { parseSpecWithSource } from "@ob/spec";
import { describe, expect, test } from "vitest";
import { bench, gate, request, transcript, until } from "../builds.test.helper.ts";

const hanging = () => new Promise<void>(() => undefined);
const text = "((build dev ((from base)\n (run (shell hang))))\n(from base))";
const located = { ...request(text), ...parseSpecWithSource(text, { file: "a.spec" }) };

describe.each([
  ["a step", { stepTimeoutMs: 30 }, "The step took longer than 0.03 s."],
  ["a build", { timeoutMs: 200 }, "The build took longer than 0.2 s."],
  ["a parallel build", { timeoutMs: 200, jobs: 2 }, "The build took longer than 0.2 s."],
])("the time limit of %s", (_what, limits, message) => {
  test("ends it with the step, its place in the spec and its last lines, and the log says so", async () => {
    await using setting = bench({ run: async ({ output }) => (output("waiting\n"), await hanging()) });
    await expect(setting.builder.build(located, limits)).rejects.toMatchObject({
      code: "TIMEOUT",
      message,
      at: { file: "a.spec", line: 2 },
      step: { heading: "/: (run (shell hang))", build: ["dev"], output: expect.stringContaining("waiting") },
    });
    const finished = setting.events.findLast((event) => event.type === "step-finished");
    if (finished?.type !== "step-finished") throw new TypeError("No step has finished.");
    expect(finished.outcome).toBe("failed");
    expect(setting.store.logOf(finished.step.id)).toBe(`waiting\n\n[${message}]\n`);
    expect([setting.store.openWriters, setting.sandbox.running]).toEqual([0, 0]);
  });

  test("is without effect on what ends before", async () => {
    await using setting = bench();
    await setting.builder.build(request("((from base) (run (shell x)))"), { ...limits, timeoutMs: 60_000 });
    expect(transcript(setting.events)).toContain("---> saved");
  });
});

test("a build that is cancelled is cancelled, whatever its limits", async () => {
  await using setting = bench({ run: hanging });
  const controller = new AbortController();
  const limits = { timeoutMs: 60_000, stepTimeoutMs: 60_000, signal: controller.signal };
  const building = setting.builder.build(located, limits);
  await until(() => setting.sandbox.running === 1);
  controller.abort();
  await expect(building).rejects.toMatchObject({ code: "CANCELLED" });
});

test("a build that waits for another's run of a step runs it itself if that exceeds the other's limit", async () => {
  let runs = 0;
  await using setting = bench({ run: async () => (++runs === 1 ? await hanging() : undefined) });
  const wanted = request("((from base) (run (shell x)))");
  const limited = setting.builder.build(wanted, { stepTimeoutMs: 100 });
  await until(() => setting.sandbox.running === 1);
  const patient = setting.builder.build(wanted, { stepTimeoutMs: 60_000 });
  await expect(limited).rejects.toMatchObject({ code: "TIMEOUT" });
  expect(await setting.store.find(await patient)).toBeDefined();
  expect(runs).toBe(2);
});

test("the time in which a failed step is looked at does not count", async () => {
  await using setting = bench({ run: () => 3 });
  const looked = gate();
  const building = setting.builder.build(request("((from base) (run (shell x)))"), {
    stepTimeoutMs: 1000,
    onFailure: async () => {
      setTimeout(looked.open, 1200);
      await looked.opened;
    },
  });
  await expect(building).rejects.toMatchObject({ code: "STEP_FAILED" });
});

test("a log that exceeds its limit is clipped, and the step continues", async () => {
  await using setting = bench({
    logLimit: 10,
    run: ({ output }) => (output("12345678\n"), output("more\n"), output("and more\n"), 0),
  });
  const wanted = request("((from base) (run (shell x)))");
  const id = await setting.builder.build(wanted);
  const said = "12345678\nm\n[output clipped, log limit 10 bytes reached]\n";
  expect(setting.store.logOf(id)).toBe(said);
  expect(transcript(setting.events)).toContain(said);
});
