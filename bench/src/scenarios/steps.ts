import { type Bench, repeat, type Scenario } from "../bench.ts";
import { build, coldFlags, reuseFlags, newSteps, specOf } from "../obuilder.ts";
import { newStore } from "../fixtures.ts";

interface Way {
  readonly name: string;
  readonly flags: readonly string[];
  readonly store: string;
}

/** Builds with 1, 5 and 20 steps without work: a VM per step, one reused VM, and the first step resumed. */
export const steps: Scenario = {
  name: "steps",
  title: "1, 5 and 20 steps: cold, with VM reuse, resumed",
  async run(bench) {
    const store = await newStore(bench);
    const cold: Way = { name: "cold", flags: await coldFlags(), store };
    const reused: Way = { name: "with VM reuse", flags: await reuseFlags(), store };
    // In a separate store: a build with a snapshot cache size of 0 removes the existing snapshots.
    const resumed: Way = { name: "resumed", flags: [], store: await newStore(bench) };
    // Imports the base image, and takes the snapshot to resume, which a build does in passing.
    for (const way of [reused, resumed, resumed]) await build(bench, { ...way, spec: specOf(newSteps(1)) });
    const times = bench.quick ? 1 : 3;
    const ways = [cold, reused, resumed];
    await repeat(times, async () => {
      for (const way of ways) await measure(bench, { way, count: 1 });
      for (const way of ways) await measure(bench, { way, count: 5 });
      for (const way of [reused, resumed]) await measure(bench, { way, count: 20 });
    });
    if (!bench.quick) await measure(bench, { way: cold, count: 20 });
  },
};

async function measure(
  bench: Bench,
  { way, count }: { readonly way: Way; readonly count: number },
): Promise<void> {
  const { results } = bench;
  const run = await build(bench, { store: way.store, flags: way.flags, spec: specOf(newSteps(count)) });
  results.add(`${count} steps ${way.name}`, run.milliseconds);
  const [first, ...others] = run.steps;
  if (!first) throw new Error("No step was made.");
  results.add(`first step ${way.name}`, first.milliseconds);
  if (way.name === "resumed") results.addTimeline("first step, resumed", first.parts);
  for (const step of others) {
    results.add(`further step ${way.name}`, step.milliseconds);
    if (way.name === "with VM reuse") results.addTimeline("further step, VM reuse", step.parts);
  }
}
