import { ObError } from "@ob/core";
import { describe, expect, test } from "vitest";
import { gate, until } from "../builds.test.helper.ts";
import { type LayerJob, StepDeduplicator } from "./single-flight.ts";
import { base, driven, id, storeWithBase, request } from "./single-flight.test.helper.ts";

/** Two processes with one store. */
async function processes() {
  const store = await storeWithBase();
  return { store, here: new StepDeduplicator(store), there: new StepDeduplicator(store) };
}

describe("between processes", () => {
  test("the second follows the log of the first, and then has its layer", async () => {
    const { here, there } = await processes();
    const driver = driven();
    const first = request(there, driver.build);
    await driver.begun();
    void driver.output("from the start ");
    const second = request(here, () => Promise.reject(new Error("must not be built twice")));
    await until(() => second.output() !== "");
    void driver.output("to the end");
    driver.finish();
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["saved", "cached"]);
    expect(second.output()).toBe("from the start to the end");
  });

  test.each(["fails", "is cancelled"])(
    "where the first %s the second builds the layer itself",
    async (how) => {
      const { store, here, there } = await processes();
      const failing = gate();
      const first = request(there, async ({ onOutput, signal }) => {
        void onOutput(Buffer.from("theirs "));
        await Promise.race([failing.opened, until(() => signal.aborted)]);
        throw new ObError(signal.aborted ? "CANCELLED" : "STEP_FAILED", "no");
      });
      await until(() => store.openWriters === 1);
      const driver = driven();
      const second = request(here, driver.build);
      await until(() => second.output() !== "");
      if (how === "fails") failing.open();
      else first.cancel();
      await driver.begun();
      void driver.output("ours");
      driver.finish();
      expect(await Promise.all([first.outcome, second.outcome])).toEqual([
        how === "fails" ? "STEP_FAILED" : "CANCELLED",
        "saved",
      ]);
      expect(second.output()).toBe("theirs ours");
      expect(store.logOf(id)).toBe("ours");
    },
  );

  test("a caller that follows can leave, and the build continues", async () => {
    const { here, there } = await processes();
    const driver = driven();
    const first = request(there, driver.build);
    await driver.begun();
    void driver.output("x");
    const second = request(here, driver.build);
    await until(() => second.output() === "x");
    second.cancel();
    expect(await second.outcome).toBe("CANCELLED");
    driver.finish();
    expect(await first.outcome).toBe("saved");
  });

  test("a layer that appears between the lookup and `tryBegin` is not built again", async () => {
    const store = await storeWithBase();
    const other = new StepDeduplicator(store);
    const driver = driven();
    driver.finish();
    const find = store.find.bind(store);
    let looks = 0;
    store.find = async (wanted) => {
      const found = await find(wanted);
      // The other process has finished before this one begins the layer.
      if (wanted === id && looks++ === 0) {
        await other.getOrBuild({ id, build: driver.build }, { onOutput: () => undefined });
      }
      return found;
    };
    await using here = new StepDeduplicator(store);
    const late = request(here, () => Promise.reject(new Error("must not be built twice")));
    expect(await late.outcome).toBe("cached");
    expect(store.openWriters).toBe(0);
  });

  test("twenty processes that want the same layer build it once", async () => {
    const store = await storeWithBase();
    let built = 0;
    const build = async ({ writer, onOutput }: LayerJob) => {
      built++;
      void onOutput(Buffer.from("log"));
      await writer.createDisk(base);
      await writer.commit();
    };
    const requests = Array.from({ length: 20 }, () => request(new StepDeduplicator(store), build));
    const outcomes = await Promise.all(requests.map(({ outcome }) => outcome));
    expect(outcomes.toSorted()).toEqual([...Array.from({ length: 19 }, () => "cached"), "saved"]);
    expect(requests.map(({ output }) => output())).toEqual(requests.map(() => "log"));
    expect(built).toBe(1);
  });
});
