import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { once } from "node:events";
import { type Bench, repeat, type Scenario } from "../bench.ts";
import { type Login, maxBootTime, overlay, ssh, sshTar, startQemu } from "../guest.ts";
import { build, coldFlags, machine, newSteps, specOf } from "../obuilder.ts";
import { imageName, keyOf, newStore, newTree } from "../fixtures.ts";
import type { Part } from "../results.ts";

const copied = "/home/opam/copied";
const theirs = "run, copy, run: original";

/**
 * Run, copy, run: by obuilder, and by the original OBuilder's procedure, step by step with OpenSSH (docs/qemu.md of
 * the original): an overlay of 40 GB, a boot, 5 s of sleep, a login attempt every second, an ssh per command, an ACPI
 * shutdown. Its `-cpu host` is `max` without KVM; the procedure is also measured with the CPU model that obuilder
 * chooses.
 */
export const original: Scenario = {
  name: "original",
  title: "Run, copy, run, against the original's procedure",
  async run(bench) {
    const tree = await newTree(bench, { files: 20, size: 4_096 });
    const flags = await coldFlags();
    const warm = await newStore(bench);
    const { qemu } = await build(bench, { store: warm, spec: specOf(newSteps(1)) });
    await build(bench, { store: warm, spec: specOf(newSteps(1)) });
    const argv = qemu[0] ?? [];
    const spec = () => specOf(`${newSteps(1)} (copy (src .) (dst ${copied}/))\n${newSteps(1)}`);
    await repeat(bench.quick ? 1 : 3, async (turn) => {
      // Nothing is cached. The base image is imported too, as the original creates an overlay on it.
      const store = await newStore(bench);
      bench.results.add(
        "run, copy, run: cold",
        await wall(bench, { store, flags: await noSnapshots(), tree, spec: spec() }),
      );
      const fresh = await newStore(bench);
      bench.results.add(
        "run, copy, run: cold, a VM a step",
        await wall(bench, { store: fresh, flags, tree, spec: spec() }),
      );
      bench.results.add(
        "run, copy, run: resumed",
        await wall(bench, { store: warm, flags: [], tree, spec: spec() }),
      );
      if (turn < 2) {
        const cpu = after(argv, "-accel") === "tcg" ? "max" : "host";
        bench.results.add(theirs, await baseline(bench, { argv, cpu, tree }));
      }
      if (turn === 0 && !bench.quick) {
        bench.results.add(
          `${theirs}, our CPU model`,
          await baseline(bench, { argv, cpu: after(argv, "-cpu"), tree }),
        );
      }
    });
  },
};

const noSnapshots = async () => (await coldFlags()).filter((flag) => flag !== "--no-vm-reuse");

async function wall(
  bench: Bench,
  options: {
    readonly store: string;
    readonly flags: readonly string[];
    readonly tree: string;
    readonly spec: string;
  },
): Promise<number> {
  const { milliseconds } = await build(bench, { ...options, source: options.tree });
  return milliseconds;
}

interface Baseline {
  /** An argv of obuilder's, which determines the program and the accelerator. */
  readonly argv: readonly string[];
  readonly cpu: string;
  readonly tree: string;
}

async function baseline(bench: Bench, { argv, cpu, tree }: Baseline): Promise<number> {
  const start = performance.now();
  let disk = path.join(bench.imageStore, "base-image", `${imageName}.qcow2`);
  const works: ((login: Login) => Promise<unknown>)[] = [
    (login) => ssh(login, "cd / && true"),
    (login) => sshTar(login, tree, copied),
    (login) => ssh(login, "cd / && true"),
  ];
  for (const work of works) {
    const next = path.join(bench.directory, `original-${crypto.randomUUID()}.qcow2`);
    const parts = await oneStep(bench, { argv, cpu, backing: disk, disk: next, work });
    bench.results.add(
      "step: original",
      parts.reduce((sum, { milliseconds }) => sum + milliseconds, 0),
    );
    bench.results.addTimeline("a step, the original's way", parts);
    disk = next;
  }
  return performance.now() - start;
}

/** A step by the original's procedure, with its phases. @returns them. */
export async function oneStep(
  bench: Bench,
  step: {
    readonly argv: readonly string[];
    readonly cpu: string;
    readonly backing: string;
    readonly disk: string;
    readonly work: (login: Login) => Promise<unknown>;
  },
): Promise<readonly Part[]> {
  const parts: Part[] = [];
  let last = performance.now();
  const done = (name: string) => {
    const now = performance.now();
    parts.push({ name, milliseconds: now - last });
    last = now;
  };
  await overlay(step.disk, step.backing, ["40G"]);
  done("prepare");
  await using guest = await startQemu((port) => originalCommandLine(step, port));
  const login = { port: guest.port, key: keyOf(bench.imageStore) };
  await delay(5_000);
  const limit = performance.now() + maxBootTime;
  while (!(await ssh(login, "exit", 20_000))) {
    if (performance.now() > limit) throw new Error("The guest of the original's procedure accepts no login.");
    await delay(1_000);
  }
  done("boot");
  await step.work(login);
  done("run");
  const exit = once(guest.process, "exit");
  guest.process.stdin.write("system_powerdown\n");
  await exit;
  done("stop");
  return parts;
}

/** The image supports only virtio devices; everything else is as in the original. */
function originalCommandLine(
  { argv, cpu, disk }: { readonly argv: readonly string[]; readonly cpu: string; readonly disk: string },
  port: number,
): readonly string[] {
  return [
    argv[0] ?? "qemu-system-x86_64",
    ...["-m", `${machine.memory}G`, "-smp", machine.cpus],
    ...["-machine", `accel=${after(argv, "-accel")},type=pc`, "-cpu", cpu],
    ...["-nic", `user,model=virtio,hostfwd=tcp:127.0.0.1:${port}-:22`],
    ...["-display", "none", "-monitor", "stdio"],
    ...["-drive", `file=${disk},format=qcow2,if=virtio`],
  ];
}

/** The argument after an option. */
export function after(argv: readonly string[], option: string): string {
  const word = argv[argv.indexOf(option) + 1];
  if (word === undefined) throw new Error(`QEMU's command line has no ${option}.`);
  return word;
}
