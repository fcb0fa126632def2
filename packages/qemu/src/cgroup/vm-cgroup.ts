import { mkdir, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { errnoCode } from "@ob/core";

/** The control group of one VM. */
export interface VmCgroup extends AsyncDisposable {
  /** Absolute path. */
  readonly directory: string;
  /** The command that starts a program in the group: the caller appends the program and its arguments. */
  readonly command: readonly [string, ...string[]];
}

export interface VmSize {
  readonly memoryMib: number;
  readonly cpus: number;
  /** True if QEMU translates the guest's code, for which it has a buffer. */
  readonly emulated: boolean;
  /** True if its disks are files in the host's memory, which would count as the VM's. */
  readonly disksInMemory: boolean;
}

/** What the kernel permits to a VM, by the file of the control group. */
export function limitsFor({
  memoryMib,
  cpus,
  emulated,
  disksInMemory,
}: VmSize): Readonly<Record<string, string>> {
  // Besides the guest's memory QEMU has its own, page tables for it, and buffers of disks and of a display.
  const overheadMib = 512 + Math.ceil(memoryMib / 8) + (emulated ? 1_024 : 0);
  // QEMU has a thread for each CPU, and up to 64 for the blocks of disks; bwrap has two processes.
  return {
    ...(!disksInMemory && { "memory.max": String((memoryMib + overheadMib) * 2 ** 20) }),
    "memory.oom.group": "1",
    "pids.max": String(128 + cpus),
  };
}

/**
 * Makes a control group. Disposing, once its processes have ended, removes it.
 *
 * @throws Node's own error.
 */
export async function makeCgroup(
  directory: string,
  limits: Readonly<Record<string, string>>,
): Promise<VmCgroup> {
  await mkdir(directory);
  try {
    for (const [file, value] of Object.entries(limits)) await writeFile(join(directory, file), value);
  } catch (error) {
    await removeCgroup(directory);
    throw error;
  }
  // A VM without limits is better than none.
  const script = '{ echo 0 >"$0/cgroup.procs"; } 2>/dev/null; exec "$@"';
  return {
    directory,
    command: ["sh", "-c", script, directory],
    [Symbol.asyncDispose]: async () => await removeCgroup(directory),
  };
}

/** How often, and how many milliseconds apart, it is tried while the kernel buries the group's processes. */
const attempts = 20;
const pause = 50;

/** Removes a control group whose processes have ended. One that is not there, or cannot be removed, is no failure. */
export async function removeCgroup(directory: string): Promise<void> {
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    try {
      await rmdir(directory);
      return;
    } catch (error) {
      if (errnoCode(error) !== "EBUSY") return;
    }
    await sleep(pause);
  }
}
