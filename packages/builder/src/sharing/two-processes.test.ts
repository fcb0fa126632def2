import { ObError } from "@ob/core";
import { describe, expect, test } from "vitest";
import { gate, until } from "../builds.test.helper.ts";
import { type LayerJob, StepDeduplicator } from "./single-flight.ts";
import { base, driven, id, storeWithBase, user } from "./single-flight.test.helper.ts";

/** Two processes with one store. */
async function processes() {
  const store = await storeWithBase();
  return { store, here: new StepDeduplicator(store), there: new StepDeduplicator(store) };
}

describe("between processes", () => {
  test("the second follows the log of the first, and then has its layer", async () => {
    const { here, there } = await processes();
    const making = driven();
    const first = user(there, making.make);
    await making.begun();
    making.output("from the start ");
    const second = user(here, () => Promise.reject(new Error("must not be made twice")));
    await until(() => second.output() !== "");
    making.output("to the end");
    making.finish();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["saved", "cached"]);
    expect(second.output()).toBe("from the start to the end");
  });

  test.each(["fails", "is cancelled"])(
    "where the first %s the second makes the layer itself",
    async (how) => {
      const { store, here, there } = await processes();
      const failing = gate();
      const first = user(there, async ({ onOutput, signal }) => {
        onOutput(Buffer.from("theirs "));
        await Promise.race([failing.opened, until(() => signal.aborted)]);
        throw new ObError(signal.aborted ? "CANCELLED" : "STEP_FAILED", "no");
      });
      await until(() => store.openWriters === 1);
      const making = driven();
      const second = user(here, making.make);
      await until(() => second.output() !== "");
      if (how === "fails") failing.open();
      else first.cancel();
      await making.begun();
      making.output("ours");
      making.finish();
      expect(await Promise.all([first.outcome, second.outcome])).toEqual([
        how === "fails" ? "STEP_FAILED" : "CANCELLED",
        "saved",
      ]);
      expect(second.output()).toBe("theirs ours");
      expect(store.logOf(id)).toBe("ours");
    },
  );

  test("one who follows can leave, and the other goes on", async () => {
    const { here, there } = await processes();
    const making = driven();
    const first = user(there, making.make);
    await making.begun();
    making.output("x");
    const second = user(here, making.make);
    await until(() => second.output() === "x");
    second.cancel();
    expect(await second.outcome).toBe("CANCELLED");
    making.finish();
    expect(await first.outcome).toBe("saved");
  });

  test("a layer that appears between the look and the claim is not made again", async () => {
    const store = await storeWithBase();
    const other = new StepDeduplicator(store);
    const making = driven();
    making.finish();
    const find = store.find.bind(store);
    let looks = 0;
    store.find = async (wanted) => {
      const found = await find(wanted);
      // The other process is as quick as can be: it is done before we get to claim.
      if (wanted === id && looks++ === 0) {
        await other.getOrBuild({ id, build: making.make }, { onOutput: () => undefined });
      }
      return found;
    };
    await using here = new StepDeduplicator(store);
    const late = user(here, () => Promise.reject(new Error("must not be made twice")));
    expect(await late.outcome).toBe("cached");
    expect(store.openWriters).toBe(0);
  });

  test("twenty processes that want the same layer make it once", async () => {
    const store = await storeWithBase();
    let made = 0;
    const make = async ({ writer: claim, onOutput }: LayerJob) => {
      made++;
      onOutput(Buffer.from("log"));
      await claim.createDisk(base);
      await claim.commit();
    };
    const users = Array.from({ length: 20 }, () => user(new StepDeduplicator(store), make));
    const outcomes = await Promise.all(users.map(({ outcome }) => outcome));
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 19 }, () => "cached"), "saved"]);
    expect(users.map(({ output }) => output())).toEqual(users.map(() => "log"));
    expect(made).toBe(1);
  });
});
