import { type Bench, repeat, type Scenario } from "../bench.ts";
import { build, coldFlags, goingOnFlags, newSteps, specOf } from "../obuilder.ts";
import { newStore } from "../places.ts";

interface Way {
  readonly name: string;
  readonly flags: readonly string[];
}

/** Steps that do nothing, 1, 5 and 20 in a build: each in a fresh VM, going on in one, and the first of them resumed. */
export const steps: Scenario = {
  name: "steps",
  title: "1, 5 and 20 steps: cold, going on, resumed",
  async run(bench) {
    const store = await newStore(bench);
    const cold: Way = { name: "cold", flags: await coldFlags() };
    const goingOn: Way = { name: "going on", flags: await goingOnFlags() };
    const resumed: Way = { name: "resumed", flags: [] };
    // The base image is imported, and what is to be resumed is saved as a by-product of a build.
    for (let builds = 0; builds < 2; builds++) await build(bench, { store, spec: specOf(newSteps(1)) });
    const times = bench.quick ? 1 : 3;
    const ways = [cold, goingOn, resumed];
    await repeat(times, async () => {
      for (const way of ways) await measure(bench, { store, way, count: 1 });
      for (const way of ways) await measure(bench, { store, way, count: 5 });
      for (const way of [goingOn, resumed]) await measure(bench, { store, way, count: 20 });
    });
    if (!bench.quick) await measure(bench, { store, way: cold, count: 20 });
  },
};

async function measure(
  bench: Bench,
  { store, way, count }: { readonly store: string; readonly way: Way; readonly count: number },
): Promise<void> {
  const { results } = bench;
  const run = await build(bench, { store, flags: way.flags, spec: specOf(newSteps(count)) });
  results.add(`${count} steps ${way.name}`, run.milliseconds);
  const [first, ...others] = run.steps;
  if (!first) throw new Error("No step was made.");
  results.add(`first step ${way.name}`, first.milliseconds);
  if (way.name === "resumed") results.addTimeline("first step, resumed", first.parts);
  for (const step of others) {
    results.add(`further step ${way.name}`, step.milliseconds);
    if (way.name === "going on") results.addTimeline("further step, going on", step.parts);
  }
}
