import { availableParallelism } from "node:os";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOption } from "./options.ts";
import type { SandboxFlags } from "./sandbox-flags.ts";
import { parseCount } from "./units.ts";

export const jobOptions: OptionTable = {
  jobs: {
    kind: "value",
    value: "N",
    short: "j",
    describe: "Nested builds in parallel (default: as many as the host has CPUs and memory for)",
    group: "VM:",
  },
};

/** The resources of the host that are free for virtual machines. */
export interface HostResources {
  readonly cpus: number;
  /** In bytes. */
  readonly memory: number;
}

/** How many builds may run in parallel. @throws ObError `USAGE`. */
export function readJobs(args: Arguments, machine: SandboxFlags): number {
  const given = stringOption(args, "jobs");
  if (given !== undefined) return parseCount(given, "--jobs", 1);
  return defaultJobs(machine, { cpus: availableParallelism(), memory: process.availableMemory() });
}

/** As many VMs as the host has CPUs for, leaving a fifth of the available memory free. */
export function defaultJobs(
  { cpus, memoryMib }: Pick<SandboxFlags, "cpus" | "memoryMib">,
  host: HostResources,
): number {
  const byCpus = Math.floor(host.cpus / cpus);
  const byMemory = Math.floor((host.memory * 0.8) / (memoryMib * 2 ** 20));
  return Math.max(1, Math.min(byCpus, byMemory));
}
