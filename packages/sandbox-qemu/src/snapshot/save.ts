import { readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { isObError, ObError, run } from "@ob/core";
import { deadline } from "../abort.ts";
import type { Vm } from "../vm/vm.ts";
import { saveDevices } from "./migration.ts";

/** The files of a template, in its directory. */
export const snapshotFiles = { state: "state", memory: "memory", disk: "disk.qcow2" } as const;

export interface SaveOptions {
  /** Absolute path of an empty directory. */
  readonly directory: string;
  /** Absolute path of the machine's disk, to be saved as well. */
  readonly disk: string | undefined;
  readonly signal: AbortSignal;
}

/** How long a machine may stand still to be saved, in milliseconds. */
const saveTimeout = 30_000;

/**
 * Saves a machine whose memory is `shared`, as it is now. It stands still for that, and runs again when this settles,
 * however.
 *
 * @throws ObError why it could not be saved, `GUEST_LOST` if it does not run again, the signal's reason.
 */
export async function saveMachine(vm: Vm, options: SaveOptions): Promise<void> {
  const { directory, disk } = options;
  using limit = deadline(
    saveTimeout,
    () => new ObError("TOOL_FAILED", "It took too long to save the machine."),
  );
  const outer = AbortSignal.any([options.signal, vm.failed]);
  const signal = AbortSignal.any([outer, limit.signal]);
  try {
    await vm.qmp.execute("stop", { signal });
    await saveDevices(vm.qmp, join(directory, snapshotFiles.state), signal);
    await copy(await memfdPath(vm.pid), join(directory, snapshotFiles.memory), signal);
    if (disk !== undefined) await copy(disk, join(directory, snapshotFiles.disk), signal);
  } finally {
    await resumeVcpus(vm, outer);
  }
}

async function resumeVcpus(vm: Vm, signal: AbortSignal): Promise<void> {
  try {
    await vm.qmp.execute("cont", { signal });
  } catch (cause) {
    throw isObError(cause, "TOOL_FAILED") ? new ObError("GUEST_LOST", cause.message, { cause }) : cause;
  }
}

/** What the guest never wrote to, and what it left empty, takes no space. */
async function copy(from: string, to: string, signal: AbortSignal): Promise<void> {
  await run(["cp", "--sparse=always", "--reflink=auto", from, to], { signal });
}

/** The file without a name that holds a machine's memory. */
async function memfdPath(pid: number): Promise<string> {
  const descriptors = `/proc/${pid}/fd`;
  for (const name of await readdir(descriptors)) {
    const path = join(descriptors, name);
    const target = await readlink(path).catch(() => "");
    if (target.startsWith("/memfd:")) return path;
  }
  throw new ObError("TOOL_FAILED", "The machine's memory is in no file.");
}
