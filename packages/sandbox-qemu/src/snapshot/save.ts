import { readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { deadline, isObError, ObError, run } from "@ob/core";
import type { Vm } from "@ob/qemu";
import { saveDevices } from "./migration.ts";

/** The files of a snapshot, in its directory. */
export const snapshotFiles = { state: "state", memory: "memory", disk: "disk.qcow2" } as const;

export interface SaveOptions {
  /** Absolute path of an empty directory. */
  readonly directory: string;
  /** Absolute path of the root disk, if it is to be saved as well. */
  readonly disk: string | undefined;
  /** How much memory of the guest is worth to be saved, in bytes. */
  readonly maxMemory: number;
  readonly signal: AbortSignal;
}

/** How long a VM may be stopped for a snapshot, in milliseconds. */
const saveTimeout = 30_000;

/**
 * Takes a snapshot of a VM whose memory is `shared` or `restored`. Its vCPUs are stopped meanwhile, and run again when this settles.
 *
 * @throws ObError why the VM could not be saved, `GUEST_LOST` if it cannot be resumed, the signal's reason.
 */
export async function saveMachine(vm: Vm, options: SaveOptions): Promise<void> {
  const { directory, disk, maxMemory } = options;
  using limit = deadline(
    saveTimeout,
    () => new ObError("TOOL_FAILED", `The VM was not saved within ${saveTimeout / 1000} s.`),
  );
  const vmSignal = AbortSignal.any([options.signal, vm.failed]);
  const signal = AbortSignal.any([vmSignal, limit.signal]);
  const memory = await memfdPath(await vm.qemuPid());
  await assertSmall(memory, maxMemory);
  try {
    await vm.qmp.execute("stop", { signal });
    await saveDevices(vm, join(directory, snapshotFiles.state), signal);
    await copy(memory, join(directory, snapshotFiles.memory), signal);
    if (disk !== undefined) await copy(disk, join(directory, snapshotFiles.disk), signal);
  } finally {
    await resumeVcpus(vm, vmSignal);
  }
}

/** A guest can fill its memory with what does not compress to holes: that is not copied for nothing. */
async function assertSmall(memory: string, maxMemory: number): Promise<void> {
  const bytes = (await stat(memory)).blocks * 512;
  if (bytes <= maxMemory) return;
  throw new ObError("TOOL_FAILED", `The guest's memory takes ${Math.ceil(bytes / 2 ** 20)} MiB.`);
}

async function resumeVcpus(vm: Vm, signal: AbortSignal): Promise<void> {
  try {
    await vm.qmp.execute("cont", { signal });
  } catch (cause) {
    throw isObError(cause, "TOOL_FAILED") ? new ObError("GUEST_LOST", cause.message, { cause }) : cause;
  }
}

/** Memory that the guest never wrote to, or only zeros, becomes a hole. */
async function copy(from: string, to: string, signal: AbortSignal): Promise<void> {
  await run(["cp", "--sparse=always", "--reflink=auto", from, to], { signal });
}

/** The anonymous file that holds the memory of a VM that is `shared` or `restored`. */
export async function memfdPath(pid: number): Promise<string> {
  const descriptors = `/proc/${pid}/fd`;
  for (const name of await readdir(descriptors)) {
    const path = join(descriptors, name);
    const target = await readlink(path).catch(() => "");
    if (target.startsWith("/memfd:")) return path;
  }
  throw new ObError("TOOL_FAILED", "QEMU has no memfd for the memory of the VM.");
}
