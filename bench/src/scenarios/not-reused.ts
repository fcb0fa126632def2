import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Bench, repeat, type Scenario } from "../bench.ts";
import { newStore } from "../fixtures.ts";
import { build, type BuildOptions, coldFlags, newSteps, specOf } from "../obuilder.ts";

/** The step before, by what of it rules out that its VM is reused. */
const before = { secrets: "(secrets (key (target /run/secrets/key)))", network: "(network host)" } as const;

/** A step whose VM cannot be that of the step before it: it is resumed in the initrd, and boots from there. */
export const notReused: Scenario = {
  name: "not-reused",
  title: "A step after one with secrets, and after one with a network, against a cold one",
  async run(bench) {
    const secret = path.join(bench.directory, "key");
    await writeFile(secret, "a secret that nobody can guess");
    const cold = { store: await newStore(bench), flags: await coldFlags() };
    const resumed = { store: await newStore(bench), flags: [`--secret=key:${secret}`] };
    // Imports the base images, and takes the snapshots.
    for (const options of [cold, resumed, resumed])
      await build(bench, { ...options, spec: specOf(newSteps(1)) });
    await repeat(bench.quick ? 2 : 5, async () => {
      bench.results.add("first step cold", await lastStep(bench, { ...cold, spec: specOf(newSteps(1)) }));
      for (const [name, what] of Object.entries(before)) {
        const spec = specOf(`(run ${what} (shell "true ${crypto.randomUUID()}"))\n${newSteps(1)}`);
        bench.results.add(`step after ${name}`, await lastStep(bench, { ...resumed, spec }));
      }
    });
  },
};

async function lastStep(bench: Bench, options: BuildOptions): Promise<number> {
  const { steps } = await build(bench, options);
  const step = steps.at(-1);
  if (!step) throw new Error("No step was made.");
  return step.milliseconds;
}
