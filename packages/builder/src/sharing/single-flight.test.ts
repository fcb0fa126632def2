import { layerId, ObError, sha256 } from "@ob/core";
import { describe, expect, test } from "vitest";
import { gate, until } from "../builds.test.helper.ts";
import { type LayerJob, StepDeduplicator } from "./single-flight.ts";
import { driven, storeWithBase, request } from "./single-flight.test.helper.ts";

describe("in one process", () => {
  test("two callers share one run, and the late one gets the log from its start", async () => {
    const store = await storeWithBase();
    await using steps = new StepDeduplicator(store);
    const driver = driven();
    const first = request(steps, driver.build);
    await driver.begun();
    void driver.output("one ");
    const second = request(steps, driver.build);
    void driver.output("two");
    driver.finish();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["saved", "saved"]);
    expect([first.output(), second.output()]).toEqual(["one two", "one two"]);
    expect(driver.jobs).toHaveLength(1);
  });

  test("every caller gets the failure and the log", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const failure = gate();
    const build = async ({ onOutput }: LayerJob) => {
      void onOutput(Buffer.from("no luck"));
      await failure.opened;
      throw new ObError("STEP_FAILED", "It failed.");
    };
    const first = request(steps, build);
    await until(() => first.output() !== "");
    const second = request(steps, build);
    failure.open();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["STEP_FAILED", "STEP_FAILED"]);
    expect([first.output(), second.output()]).toEqual(["no luck", "no luck"]);
  });

  test("a step runs while any caller wants it", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const driver = driven();
    const first = request(steps, driver.build);
    const second = request(steps, driver.build);
    await driver.begun();
    first.cancel();
    expect(await first.outcome).toBe("CANCELLED");
    expect(driver.jobs[0]?.signal.aborted).toBe(false);
    driver.finish();
    expect(await second.outcome).toBe("saved");
  });

  test("the last to leave cancels the step, and returns when all is released", async () => {
    const store = await storeWithBase();
    await using steps = new StepDeduplicator(store);
    const driver = driven();
    const requests = [request(steps, driver.build), request(steps, driver.build)];
    await driver.begun();
    for (const each of requests) each.cancel();
    expect(await Promise.all(requests.map(({ outcome }) => outcome))).toEqual(["CANCELLED", "CANCELLED"]);
    expect(driver.jobs[0]?.signal.aborted).toBe(true);
    expect(store.openWriters).toBe(0);
  });

  test("a caller that comes while a step is being cancelled waits, and builds it again", async () => {
    const store = await storeWithBase();
    await using steps = new StepDeduplicator(store);
    const ending = gate();
    let stopping = false;
    const slow = async ({ signal }: LayerJob) => {
      await until(() => signal.aborted);
      stopping = true;
      await ending.opened;
      throw new ObError("CANCELLED", "stopped");
    };
    const first = request(steps, slow);
    await until(() => store.openWriters === 1);
    first.cancel();
    await until(() => stopping);
    const again = driven();
    const second = request(steps, again.build);
    again.finish();
    ending.open();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["CANCELLED", "saved"]);
    expect(again.jobs).toHaveLength(1);
  });

  test("a caller that leaves after a failure does not disturb the next run", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const first = request(steps, () => Promise.reject(new ObError("STEP_FAILED", "no")));
    expect(await first.outcome).toBe("STEP_FAILED");
    const driver = driven();
    const second = request(steps, driver.build);
    await driver.begun();
    first.cancel();
    driver.finish();
    expect(await second.outcome).toBe("saved");
  });

  test("different steps run in parallel", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const [one, two] = [driven(), driven()];
    const requests = [request(steps, one.build), request(steps, two.build, layerId(sha256("other")))];
    await Promise.all([one.begun(), two.begun()]);
    one.finish();
    two.finish();
    expect(await Promise.all(requests.map(({ outcome }) => outcome))).toEqual(["saved", "saved"]);
  });

  test("disposing cancels all that runs, waits for it, and refuses new requests", async () => {
    const store = await storeWithBase();
    const steps = new StepDeduplicator(store);
    const driver = driven();
    const only = request(steps, driver.build);
    await driver.begun();
    await steps[Symbol.asyncDispose]();
    expect(store.openWriters).toBe(0);
    expect(await only.outcome).toBe("CANCELLED");
    expect(await request(steps, driver.build).outcome).toBe("CANCELLED");
    await steps[Symbol.asyncDispose]();
  });
});
