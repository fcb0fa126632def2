import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { execa } from "execa";
import type { Bench } from "./bench.ts";
import { imageName } from "./fixtures.ts";
import type { Part } from "./results.ts";

export const binary = path.resolve(import.meta.dirname, "../../packages/cli/bin/obuilder-dev.js");

/** The VM parameters of all measurements. */
export const machine = { memory: "1", cpus: "2", bootTime: "900" };

export interface StepRun {
  readonly id: string;
  readonly outcome: string;
  readonly milliseconds: number;
  /** The phases in order; the first is what precedes the VM. */
  readonly parts: readonly Part[];
}

export interface BuildRun {
  readonly id: string;
  /** Duration of the command. */
  readonly milliseconds: number;
  /** The steps that were built, not cached. */
  readonly steps: readonly StepRun[];
  /** Peak memory of the command in bytes. */
  readonly peakMemory: number;
  /** What its steps and the command itself printed. */
  readonly output: string;
  /** QEMU's argv of each VM. */
  readonly qemu: readonly (readonly string[])[];
}

export interface BuildOptions {
  readonly store: string;
  readonly spec: string;
  readonly flags?: readonly string[];
  readonly source?: string;
}

/** Steps with commands that were never run before. */
export function newSteps(count: number): string {
  return Array.from({ length: count }, () => ` (run (shell "true ${crypto.randomUUID()}"))`).join("\n");
}

/** A spec from the base image. */
export function specOf(ops: string, image = imageName): string {
  return `((from ${image})\n${ops})`;
}

let known: string | undefined;

/** Filters flags of `build`: omits those that this version does not support. */
export async function supported(...flags: readonly string[]): Promise<readonly string[]> {
  known ??= (await execa(process.execPath, [binary, "help", "build"])).stdout;
  const help = known;
  return flags.filter((flag) => help.includes(flag.replace(/=.*/, "")));
}

/** Flags: every step boots a VM; no snapshot is taken or resumed. */
export const coldFlags = () => supported("--no-vm-reuse", "--snapshot-cache-size=0");
/** Flags: all steps reuse one VM, which is booted and not resumed. */
export const reuseFlags = () => supported("--snapshot-cache-size=0");

/** Runs `obuilder build`, and records the time of each output line. @throws Error with the output if it fails. */
export async function build(bench: Bench, options: BuildOptions): Promise<BuildRun> {
  const { store, spec, flags = [], source = bench.directory } = options;
  const file = path.join(bench.directory, `${crypto.randomUUID()}.spec`);
  await writeFile(file, spec);
  const size = [`--qemu-memory=${machine.memory}`, `--qemu-cpus=${machine.cpus}`];
  const words = [`--store=qemu:${store}`, "-f", file, ...size, `--qemu-boot-time=${machine.bootTime}`];
  const start = performance.now();
  const child = spawn(
    process.execPath,
    [binary, "build", "-v", "--progress=json", ...words, ...flags, source],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let peakMemory = 0;
  const look = setInterval(() => {
    peakMemory = Math.max(peakMemory, highWater(child.pid));
  }, 50);
  const running = new Map<string, { start: number; last: number; name: string; parts: Part[] }>();
  const steps: StepRun[] = [];
  const printed: string[] = [];
  let id = "";

  const lines = createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const now = performance.now();
    const event: Record<string, unknown> = JSON.parse(line);
    const step = running.get(String(event["id"]));
    switch (event["type"]) {
      case "step-started":
        running.set(String(event["id"]), { start: now, last: now, name: "prepare", parts: [] });
        return;
      case "phase":
        if (!step) return;
        step.parts.push({ name: step.name, milliseconds: now - step.last });
        step.last = now;
        step.name = String(event["phase"]);
        return;
      case "step-finished": {
        if (!step || event["outcome"] === "cached") return;
        step.parts.push({ name: step.name, milliseconds: now - step.last });
        const { parts } = step;
        const milliseconds = Number(event["milliseconds"]);
        steps.push({ id: String(event["id"]), outcome: String(event["outcome"]), milliseconds, parts });
        return;
      }
      case "result":
        id = String(event["id"]);
        if (event["outcome"] !== "succeeded") printed.push(line);
        return;
      default:
        if (event["type"] === "step-output") printed.push(String(event["text"]));
    }
  });
  const messages = createInterface({ input: child.stderr });
  messages.on("line", (line) => printed.push(line));
  const [code] = await once(child, "close");
  clearInterval(look);
  if (code !== 0) throw new Error(`obuilder build ended with ${code}:\n${printed.slice(-30).join("\n")}`);
  const qemu = printed.filter((line) => line.includes('"-nodefaults"')).map(wordsOf);
  return { id, milliseconds: performance.now() - start, steps, peakMemory, output: printed.join("\n"), qemu };
}

/** Peak memory of a process in bytes; 0 if it has exited. */
function highWater(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Parses the argv in `obuilder: [INFO] Exec "qemu" "-x"`. */
function wordsOf(line: string): readonly string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, word = ""]) => word.replaceAll('\\"', '"'));
}
