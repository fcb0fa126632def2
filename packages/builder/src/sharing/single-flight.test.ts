import { layerId, ObError, sha256 } from "@ob/core";
import { describe, expect, test } from "vitest";
import { gate, until } from "../builds.test.helper.ts";
import { type LayerJob, StepDeduplicator } from "./single-flight.ts";
import { driven, storeWithBase, user } from "./single-flight.test.helper.ts";

describe("in one process", () => {
  test("two callers share one making, and the late one gets the log from its start", async () => {
    const store = await storeWithBase();
    await using steps = new StepDeduplicator(store);
    const making = driven();
    const first = user(steps, making.make);
    await making.begun();
    making.output("one ");
    const second = user(steps, making.make);
    making.output("two");
    making.finish();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["saved", "saved"]);
    expect([first.output(), second.output()]).toEqual(["one two", "one two"]);
    expect(making.makings).toHaveLength(1);
  });

  test("a failure is everyone's, with the log", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const failure = gate();
    const make = async ({ onOutput }: LayerJob) => {
      onOutput(Buffer.from("no luck"));
      await failure.opened;
      throw new ObError("STEP_FAILED", "It failed.");
    };
    const first = user(steps, make);
    await until(() => first.output() !== "");
    const second = user(steps, make);
    failure.open();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["STEP_FAILED", "STEP_FAILED"]);
    expect([first.output(), second.output()]).toEqual(["no luck", "no luck"]);
  });

  test("a step goes on while anyone wants it", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const making = driven();
    const first = user(steps, making.make);
    const second = user(steps, making.make);
    await making.begun();
    first.cancel();
    expect(await first.outcome).toBe("CANCELLED");
    expect(making.makings[0]?.signal.aborted).toBe(false);
    making.finish();
    expect(await second.outcome).toBe("saved");
  });

  test("the last to leave cancels the step, and returns when all is given back", async () => {
    const store = await storeWithBase();
    await using steps = new StepDeduplicator(store);
    const making = driven();
    const users = [user(steps, making.make), user(steps, making.make)];
    await making.begun();
    for (const each of users) each.cancel();
    expect(await Promise.all(users.map(({ outcome }) => outcome))).toEqual(["CANCELLED", "CANCELLED"]);
    expect(making.makings[0]?.signal.aborted).toBe(true);
    expect(store.openWriters).toBe(0);
  });

  test("whoever comes while a step is being cancelled waits, and makes it anew", async () => {
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
    const first = user(steps, slow);
    await until(() => store.openWriters === 1);
    first.cancel();
    await until(() => stopping);
    const again = driven();
    const second = user(steps, again.make);
    again.finish();
    ending.open();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["CANCELLED", "saved"]);
    expect(again.makings).toHaveLength(1);
  });

  test("one who leaves after a failure does not disturb the next making", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const first = user(steps, () => Promise.reject(new ObError("STEP_FAILED", "no")));
    expect(await first.outcome).toBe("STEP_FAILED");
    const making = driven();
    const second = user(steps, making.make);
    await making.begun();
    first.cancel();
    making.finish();
    expect(await second.outcome).toBe("saved");
  });

  test("different steps run side by side", async () => {
    await using steps = new StepDeduplicator(await storeWithBase());
    const [one, two] = [driven(), driven()];
    const users = [user(steps, one.make), user(steps, two.make, layerId(sha256("other")))];
    await Promise.all([one.begun(), two.begun()]);
    one.finish();
    two.finish();
    expect(await Promise.all(users.map(({ outcome }) => outcome))).toEqual(["saved", "saved"]);
  });

  test("closing cancels all that runs, waits for it, and lets nothing new in", async () => {
    const store = await storeWithBase();
    const steps = new StepDeduplicator(store);
    const making = driven();
    const only = user(steps, making.make);
    await making.begun();
    await steps[Symbol.asyncDispose]();
    expect(store.openWriters).toBe(0);
    expect(await only.outcome).toBe("CANCELLED");
    expect(await user(steps, making.make).outcome).toBe("CANCELLED");
    await steps[Symbol.asyncDispose]();
  });
});
