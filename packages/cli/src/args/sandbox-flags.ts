import { type DiskBus, diskBuses, type GuestArch, guestArches, type GuestOs, guestOses } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, enumOption, stringOption, stringOptions } from "./options.ts";
import { parseCount, parseSize, parseSpan } from "./units.ts";

const machines = "Virtual machines:";
export const sandboxOptions: OptionTable = {
  "qemu-memory": {
    kind: "value",
    value: "SIZE",
    describe: "In GiB, or as 512M, 2G (default 2)",
    group: machines,
  },
  "qemu-cpus": { kind: "value", value: "N", describe: "Number of CPUs (default 2)", group: machines },
  "qemu-guest-os": {
    kind: "value",
    value: "OS",
    describe: `${guestOses.join(", ")}: for an image without a manifest (default linux)`,
    group: machines,
  },
  "qemu-guest-arch": {
    kind: "value",
    value: "ARCH",
    describe: `${guestArches.join(", ")}: likewise (default amd64)`,
    group: machines,
  },
  "qemu-boot-time": {
    kind: "value",
    value: "SECONDS",
    describe: "How long a guest may take to boot and answer (default 30 with --qemu-accel=kvm, else 120)",
    group: machines,
  },
  "qemu-accel": {
    kind: "value",
    value: "HOW",
    describe: "kvm, tcg (software), or auto: kvm where it is proven to work",
    group: machines,
  },
  "qemu-ssh-key": { kind: "value", value: "FILE", describe: "Private key to log in with", group: machines },
  "qemu-disk-size": {
    kind: "value",
    value: "SIZE",
    describe: "Let disks grow to this size, in GiB or as 512M, 40G",
    group: machines,
  },
  "qemu-disk-bus": {
    kind: "value",
    value: "BUS",
    describe: `${diskBuses.join(", ")}: what the disks hang on (default virtio)`,
    group: machines,
  },
  "qemu-machine": {
    kind: "value",
    value: "TYPE",
    describe: "QEMU's -machine (default pc, or virt for riscv64)",
    group: machines,
  },
  "qemu-cpu": {
    kind: "value",
    value: "MODEL",
    describe: "QEMU's -cpu, in place of what fits the accelerator",
    group: machines,
  },
  "qemu-arg": {
    kind: "values",
    value: "WORD",
    describe: "A word for the end of QEMU's command line; can be repeated",
    group: machines,
  },
  "snapshot-cache-size": {
    kind: "value",
    value: "SIZE",
    describe: "Disk space for VM snapshots, in GiB or as 512M; 0 takes none (default 2)",
    group: machines,
  },
  // runc's; a disk in the making is never synchronised here.
  "fast-sync": { kind: "flag", describe: "Accepted for the original's sake", group: machines, hidden: true },
};

export const vmReuseOptions: OptionTable = {
  "no-vm-reuse": { kind: "flag", describe: "Boot a VM for every step", group: machines },
};

/** What the flags say of virtual machines; undefined where they say nothing. */
export interface SandboxFlags {
  readonly memoryMib: number;
  readonly cpus: number;
  readonly guestOs: GuestOs | undefined;
  readonly guestArch: GuestArch | undefined;
  readonly bootTimeSeconds: number;
  readonly accelerator: "auto" | "kvm" | "tcg";
  readonly sshKey: string | undefined;
  /** In bytes. */
  readonly diskSize: number | undefined;
  /** The disk space for VM snapshots, in bytes; 0 for none. */
  readonly snapshotCacheSize: number;
  readonly hardware: HardwareFlags;
}

/** Where the guest's machine must be another than usual. */
export interface HardwareFlags {
  readonly diskBus: DiskBus | undefined;
  readonly machine: string | undefined;
  readonly cpu: string | undefined;
  /** Words for the end of QEMU's command line. */
  readonly arguments: readonly string[];
}

/** @throws ObError `USAGE` */
export function readSandboxFlags(args: Arguments): SandboxFlags {
  const given = <T>(name: string, parse: (value: string, flag: string) => T) => {
    const value = stringOption(args, name);
    return value === undefined ? undefined : parse(value, `--${name}`);
  };
  const accelerator = enumOption(args, "qemu-accel", ["auto", "kvm", "tcg"] as const) ?? "auto";
  const memory = given("qemu-memory", parseSize) ?? 2 * 2 ** 30;
  return {
    memoryMib: Math.max(1, Math.round(memory / 2 ** 20)),
    cpus: given("qemu-cpus", parseAtLeastOne) ?? 2,
    guestOs: enumOption(args, "qemu-guest-os", guestOses),
    guestArch: enumOption(args, "qemu-guest-arch", guestArches),
    // The original's 30 s are meant for KVM; under software emulation a usual Debian takes 40 s.
    bootTimeSeconds: given("qemu-boot-time", parseSeconds) ?? (accelerator === "kvm" ? 30 : 120),
    accelerator,
    sshKey: stringOption(args, "qemu-ssh-key"),
    diskSize: given("qemu-disk-size", parseSize),
    snapshotCacheSize: given("snapshot-cache-size", parseSizeOrZero) ?? 2 * 2 ** 30,
    hardware: {
      diskBus: enumOption(args, "qemu-disk-bus", diskBuses),
      machine: stringOption(args, "qemu-machine"),
      cpu: stringOption(args, "qemu-cpu"),
      arguments: stringOptions(args, "qemu-arg"),
    },
  };
}

function parseSizeOrZero(value: string, flag: string): number {
  return /^0+$/.test(value.trim()) ? 0 : parseSize(value, flag);
}

function parseAtLeastOne(value: string, flag: string): number {
  return parseCount(value, flag, 1);
}

function parseSeconds(value: string, flag: string): number {
  return /^\d+$/.test(value) ? parseCount(value, flag, 1) : Math.ceil(parseSpan(value, flag) / 1_000);
}
