import path from "node:path";
import { type Bench, repeat, type Scenario } from "../bench.ts";
import { checkImage, newStore, systemdImage } from "../fixtures.ts";
import { ssh } from "../guest.ts";
import { type BuildRun, build, coldFlags, newSteps, specOf } from "../obuilder.ts";
import { after, oneStep } from "./original.ts";

const count = 5;

/** Five steps without work on a guest with systemd: a VM per step, the first one resumed, and by the original's procedure. */
export const systemd: Scenario = {
  name: "systemd",
  title: "5 steps on a guest with systemd: cold, resumed, and by the original's procedure",
  async run(bench) {
    await checkImage(bench.imageStore, systemdImage);
    const cold = { store: await newStore(bench, systemdImage), flags: await coldFlags() };
    const resumed = { store: await newStore(bench, systemdImage), flags: [] };
    const spec = (steps: number) => specOf(newSteps(steps), systemdImage);
    // Imports the base image, takes the snapshot, and captures its baseline.
    const { qemu } = await build(bench, { ...resumed, spec: spec(2) });
    await build(bench, { ...resumed, spec: spec(2) });
    await repeat(bench.quick ? 1 : 3, async (turn) => {
      record(bench, "cold", await build(bench, { ...cold, spec: spec(1) }));
      record(bench, "resumed", await build(bench, { ...resumed, spec: spec(count) }));
      if (turn === 0)
        bench.results.add("systemd: 5 steps, original", await originalSteps(bench, qemu[0] ?? []));
    });
  },
};

function record({ results }: Bench, way: "cold" | "resumed", { milliseconds, steps }: BuildRun): void {
  const [first, ...others] = steps.slice(way === "cold" ? -1 : 0);
  if (!first) throw new Error("No step was made.");
  results.add(`systemd: first step ${way}`, first.milliseconds);
  if (way === "cold") return;
  results.add("systemd: 5 steps", milliseconds);
  for (const step of others) results.add("systemd: further step", step.milliseconds);
}

/** @param argv one of obuilder's. @returns the time in milliseconds. */
async function originalSteps(bench: Bench, argv: readonly string[]): Promise<number> {
  const cpu = after(argv, "-accel") === "tcg" ? "max" : "host";
  const start = performance.now();
  let disk = path.join(bench.imageStore, "base-image", `${systemdImage}.qcow2`);
  for (let step = 0; step < count; step++) {
    const next = path.join(bench.directory, `original-${crypto.randomUUID()}.qcow2`);
    const work = async (login: { port: number; key: string }) => await ssh(login, "cd / && true");
    await oneStep(bench, { argv, cpu, backing: disk, disk: next, work });
    disk = next;
  }
  return performance.now() - start;
}
