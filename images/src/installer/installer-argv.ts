import { availableParallelism } from "node:os";
import { type GuestArch, run } from "@ob/core";
import type { Argv } from "../disk/fakeroot.ts";

/** The machine that a system is installed in. */
export interface InstallerMachine {
  readonly guestArch: GuestArch;
  readonly memoryMib: number;
  /** By `RecipeContext.chooseProcessor`. */
  readonly processor: readonly string[];
  /** Absolute paths of qcow2 files, the system's first: virtio disks. */
  readonly disks: readonly string[];
  /** Absolute paths of raw images that the guest sees as read-only virtio disks, behind the others. */
  readonly seeds?: readonly string[] | undefined;
  /** Absolute paths of ISOs, as CD-ROMs on IDE; amd64 has four at most. */
  readonly isos?: readonly string[] | undefined;
  /** Settings of QEMU's user network beyond the usual. */
  readonly network?: readonly string[] | undefined;
  /** False if a reboot of the guest is QEMU's end. */
  readonly reboots: boolean;
}

/** QEMU with its arguments, but for the console. It reads nothing, and shows nothing. */
export function installerArgv(machine: InstallerMachine): Argv {
  const { guestArch, memoryMib, disks, seeds = [], isos = [], network = [], reboots } = machine;
  const isAmd64 = guestArch === "amd64";
  const cpus = Math.min(4, availableParallelism());
  return [
    isAmd64 ? "qemu-system-x86_64" : "qemu-system-riscv64",
    ...["-machine", isAmd64 ? "pc" : "virt", ...machine.processor],
    ...["-smp", `${cpus}`, "-m", `${memoryMib}`],
    ...["-nodefaults", "-display", "none", "-monitor", "none", ...(reboots ? [] : ["-no-reboot"])],
    ...disks.flatMap((file) => ["-drive", `if=virtio,format=qcow2,discard=unmap,file=${value(file)}`]),
    ...seeds.flatMap((file) => ["-drive", `if=virtio,format=raw,readonly=on,file=${value(file)}`]),
    ...isos.flatMap((file, index) => [
      "-drive",
      `if=ide,index=${index},media=cdrom,format=raw,readonly=on,file=${value(file)}`,
    ]),
    ...["-nic", ["user", "model=virtio-net-pci", ...network].join(",")],
    ...["-device", "virtio-rng-pci"],
  ];
}

/** In QEMU's options a comma ends a value, and two are one. */
export function value(text: string): string {
  return text.replaceAll(",", ",,");
}

export interface DiskOptions {
  readonly signal: AbortSignal | undefined;
}

/** Makes an empty qcow2 disk of so many bytes. @throws ObError `MISSING_TOOL`, `NO_SPACE`, `CANCELLED`. */
export async function makeEmptyDisk(file: string, size: number, { signal }: DiskOptions): Promise<void> {
  await run(["qemu-img", "create", "-q", "-f", "qcow2", file, `${size}`], { signal });
}

/**
 * Writes a qcow2 disk anew, with what it stands on, without what it no longer holds, and compressed with zstd.
 *
 * @throws ObError `MISSING_TOOL`, `NO_SPACE`, `CANCELLED`.
 */
export async function compactDisk(from: string, to: string, { signal }: DiskOptions): Promise<void> {
  const options = ["-c", "-o", "compression_type=zstd"];
  await run(["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2", ...options, from, to], { signal });
}
