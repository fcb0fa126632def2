import { rm } from "node:fs/promises";
import { type Bench, repeat, type Scenario } from "../bench.ts";
import { newStore } from "../fixtures.ts";
import { build, type BuildOptions, coldFlags, newSteps, reuseFlags, specOf } from "../obuilder.ts";

/** What snapshots cost the first build of a store, and what one on a layer saves builds that start there. */
export const snapshots: Scenario = {
  name: "snapshots",
  title: "The first build of a store that takes snapshots, and steps on a layer that has one",
  async run(bench) {
    await repeat(bench.quick ? 1 : 5, async () => await firstBuilds(bench));
    const store = await newStore(bench);
    const cold = { store: await newStore(bench), flags: await coldFlags() };
    // The layer that the last step is changed on, and its snapshots.
    const below = newSteps(1);
    const lastStep = async (options: Omit<BuildOptions, "spec">) => {
      const run = await build(bench, { ...options, spec: specOf(`${below}\n${newSteps(1)}`) });
      const step = run.steps.at(-1);
      if (!step) throw new Error("No step was made.");
      return step;
    };
    await lastStep(cold);
    for (let turn = 0; turn < 2; turn++) await lastStep({ store });
    await repeat(bench.quick ? 1 : 5, async () => {
      bench.results.add("last step changed, cold", (await lastStep(cold)).milliseconds);
      const resumed = await lastStep({ store });
      bench.results.add("last step changed, resumed", resumed.milliseconds);
      bench.results.addTimeline("last step changed, resumed", resumed.parts);
    });
  },
};

async function firstBuilds(bench: Bench): Promise<void> {
  const ways = [
    { name: "first build of a store, without snapshots", flags: await reuseFlags() },
    { name: "first build of a store", flags: [] },
  ];
  for (const { name, flags } of ways) {
    const store = await newStore(bench);
    const { milliseconds } = await build(bench, { store, flags, spec: specOf(newSteps(1)) });
    bench.results.add(name, milliseconds);
    await rm(store, { recursive: true });
  }
}
