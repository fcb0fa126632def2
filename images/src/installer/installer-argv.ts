import { availableParallelism } from "node:os";
import type { GuestArch } from "@ob/core";
import { convert, createDisk } from "@ob/qcow2";
import { escapeOptionValue, machineFor, sandboxArgs } from "@ob/qemu";
import type { Argv } from "../disk/fakeroot.ts";

/** The VM in which an operating system is installed. */
export interface InstallerMachine {
  readonly guestArch: GuestArch;
  readonly memoryMib: number;
  /** CPU arguments from `RecipeContext.resolveCpuArgs`. */
  readonly processor: readonly string[];
  /** Absolute paths of qcow2 files, as virtio disks; the system disk first. */
  readonly disks: readonly string[];
  /** Absolute paths of raw images, as read-only virtio disks after `disks`. */
  readonly seeds?: readonly string[] | undefined;
  /** Absolute paths of ISOs, as IDE CD-ROMs; at most four on amd64. */
  readonly isos?: readonly string[] | undefined;
  /** Additional options of QEMU's user network. */
  readonly network?: readonly string[] | undefined;
  /** False if QEMU exits when the guest reboots. */
  readonly reboots: boolean;
}

/** The argv of QEMU, without the console and the monitor. QEMU has no display. */
export function installerArgv(machine: InstallerMachine): Argv {
  const { guestArch, memoryMib, disks, seeds = [], isos = [], network = [], reboots } = machine;
  const { binary, type, devices } = machineFor(guestArch);
  const cpus = Math.min(4, availableParallelism());
  return [
    binary,
    ...["-machine", type, ...machine.processor],
    ...sandboxArgs,
    ...["-smp", `${cpus}`, "-m", `${memoryMib}`],
    ...["-nodefaults", "-display", "none", "-monitor", "none", ...(reboots ? [] : ["-no-reboot"])],
    ...disks.flatMap((file) => [
      "-drive",
      `if=virtio,format=qcow2,discard=unmap,file=${escapeOptionValue(file)}`,
    ]),
    ...seeds.flatMap((file) => [
      "-drive",
      `if=virtio,format=raw,readonly=on,file=${escapeOptionValue(file)}`,
    ]),
    ...isos.flatMap((file, index) => [
      "-drive",
      `if=ide,index=${index},media=cdrom,format=raw,readonly=on,file=${escapeOptionValue(file)}`,
    ]),
    ...["-nic", ["user", `model=${devices.network}`, ...network].join(",")],
    ...["-device", devices.random],
  ];
}

export interface DiskOptions {
  readonly signal: AbortSignal | undefined;
}

/** Creates an empty qcow2 disk of `size` bytes. @throws ObError `MISSING_TOOL`, `NO_SPACE`, `CANCELLED`. */
export async function makeEmptyDisk(file: string, size: number, { signal }: DiskOptions): Promise<void> {
  await createDisk(file, { size, signal });
}

/**
 * Converts a qcow2 disk and its backing chain to one compact file, without unused blocks, compressed with zstd.
 *
 * @throws ObError `MISSING_TOOL`, `NO_SPACE`, `CANCELLED`.
 */
export async function compactDisk(from: string, to: string, { signal }: DiskOptions): Promise<void> {
  await convert(from, to, { compress: true, signal });
}
