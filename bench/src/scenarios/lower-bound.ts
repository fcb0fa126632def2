import path from "node:path";
import { repeat, type Scenario } from "../bench.ts";
import { untilReady, bareArgv, banner, overlay, startQemu } from "../guest.ts";
import { build, coldFlags, newSteps, specOf } from "../obuilder.ts";
import { imageName, newStore } from "../fixtures.ts";

/** A boot without obuilder compared to a cold first step: the same devices and disk, in turn. */
export const lowerBound: Scenario = {
  name: "lower-bound",
  title: "Bare boot to the SSH banner, and a cold first step",
  async run(bench) {
    const store = await newStore(bench);
    const flags = await coldFlags();
    const image = path.join(bench.imageStore, "base-image", `${imageName}.qcow2`);
    // Imports the base image, and prints QEMU's argv.
    const { qemu } = await build(bench, { store, flags, spec: specOf(newSteps(1)) });
    const argv = qemu[0];
    if (!argv) throw new Error("obuilder build -v does not print QEMU's command line.");
    await repeat(bench.quick ? 2 : 7, async (turn) => {
      const disk = path.join(bench.directory, `lower-bound-${turn}.qcow2`);
      await overlay(disk, image);
      await using guest = await startQemu((port) => bareArgv(argv, { disk, port }));
      await untilReady(guest);
      await banner(guest);
      bench.results.add("bare boot", performance.now() - guest.startedAt);
      await guest[Symbol.asyncDispose]();

      const run = await build(bench, { store, flags, spec: specOf(newSteps(1)) });
      const [step] = run.steps;
      if (!step) throw new Error("No step was made.");
      bench.results.add("cold first step", step.milliseconds);
      bench.results.add("memory: one step", run.peakMemory);
      bench.results.addTimeline("first step, cold", step.parts);
    });
  },
};
