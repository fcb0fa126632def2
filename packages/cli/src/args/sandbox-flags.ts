import {
  type DiskBus,
  diskBuses,
  type GuestArch,
  guestArchNames,
  type GuestOs,
  guestOsNames,
  isGuestOsName,
} from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { archOption, type Arguments, enumOption, stringOption, stringOptions } from "./options.ts";
import { parseCount, parseSize, parseSizeOrZero, parseDuration } from "./units.ts";

const accelerators = ["auto", "kvm", "tcg"] as const;
const networks = ["auto", "passt", "slirp"] as const;
const confinements = ["auto", "off"] as const;
const vmReuses = ["auto", "always", "never"] as const;

const vmGroup = "VM:";
export const sandboxOptions: OptionTable = {
  "qemu-memory": {
    kind: "value",
    value: "SIZE",
    describe: "Memory in GiB, or as 512M, 2G (default 2)",
    group: vmGroup,
  },
  "qemu-cpus": { kind: "value", value: "N", describe: "Number of CPUs (default 2)", group: vmGroup },
  "qemu-guest-os": {
    kind: "value",
    value: "OS",
    describe: `${guestOsNames.join(", ")}: for images without a manifest (default linux)`,
    group: vmGroup,
    complete: guestOsNames,
  },
  "guest-profile": {
    kind: "values",
    value: "FILE",
    describe: "A TypeScript or JavaScript module with the profile of another guest OS; can be repeated",
    group: vmGroup,
  },
  "qemu-guest-arch": {
    kind: "value",
    value: "ARCH",
    describe: `${guestArchNames.join(", ")}: for images without a manifest (default amd64)`,
    group: vmGroup,
    complete: guestArchNames,
  },
  "qemu-boot-time": {
    kind: "value",
    value: "SECONDS",
    describe: "Time for a guest to boot and accept a login (default 30 with --qemu-accel=kvm, else 120)",
    group: vmGroup,
  },
  "qemu-accel": {
    kind: "value",
    value: "HOW",
    describe: "kvm, tcg (software), or auto: kvm if a test guest runs with it (default auto)",
    group: vmGroup,
    complete: accelerators,
  },
  "qemu-ssh-key": { kind: "value", value: "FILE", describe: "Private key for the login", group: vmGroup },
  "qemu-disk-size": {
    kind: "value",
    value: "SIZE",
    describe: "Enlarge disks to this size, in GiB or as 512M, 40G",
    group: vmGroup,
  },
  "qemu-disk-bus": {
    kind: "value",
    value: "BUS",
    describe: `${diskBuses.join(", ")}: disk controller (default virtio)`,
    group: vmGroup,
    complete: diskBuses,
  },
  "qemu-machine": {
    kind: "value",
    value: "TYPE",
    describe: "QEMU's -machine (default pc, or virt for riscv64)",
    group: vmGroup,
  },
  "qemu-cpu": {
    kind: "value",
    value: "MODEL",
    describe: "QEMU's -cpu (default: a model that suits the accelerator)",
    group: vmGroup,
  },
  "qemu-arg": {
    kind: "values",
    value: "WORD",
    describe: "An additional argument for QEMU; can be repeated",
    group: vmGroup,
  },
  "qemu-network": {
    kind: "value",
    value: "HOW",
    describe: "For steps with a network: passt, slirp, or auto: passt if it works here (default auto)",
    group: vmGroup,
    complete: networks,
  },
  "qemu-confinement": {
    kind: "value",
    value: "HOW",
    describe:
      "auto: QEMU sees its own files only, as a user of its own; off: it has your rights (default auto)",
    group: vmGroup,
    complete: confinements,
  },
  "allow-host-loopback": {
    kind: "flag",
    describe: "Steps with a network reach the services on this host's 127.0.0.1, at 10.0.2.2",
    group: vmGroup,
  },
  "snapshot-cache-size": {
    kind: "value",
    value: "SIZE",
    describe: "Disk space for VM snapshots, in GiB or as 512M; 0 takes none (default 2)",
    group: vmGroup,
  },
  // An option of runc; a disk is never synchronised during a step here.
  "fast-sync": {
    kind: "flag",
    describe: "Ignored; accepted for compatibility",
    group: vmGroup,
    hidden: true,
  },
};

export const vmReuseOptions: OptionTable = {
  "vm-reuse": {
    kind: "value",
    value: "HOW",
    describe:
      "auto: a VM serves several steps where its guest can be reset; always: also OpenBSD, of which less is reset; never (default auto)",
    group: vmGroup,
    complete: vmReuses,
  },
  "no-vm-reuse": {
    kind: "flag",
    describe:
      "--vm-reuse=never: boot a VM for every step (default if $OBUILDER_NO_VM_REUSE is set, or DIR/state/no-vm-reuse exists)",
    group: vmGroup,
  },
};

/** The options of virtual machines; undefined where an option was not given and has no default here. */
export interface SandboxFlags {
  readonly memoryMib: number;
  readonly cpus: number;
  readonly guestOs: GuestOs | undefined;
  /** Files with profiles of other guest operating systems. */
  readonly guestProfiles: readonly string[];
  readonly guestArch: GuestArch | undefined;
  readonly bootTimeSeconds: number;
  readonly accelerator: "auto" | "kvm" | "tcg";
  readonly network: "auto" | "passt" | "slirp";
  readonly confinement: "auto" | "off";
  readonly allowHostLoopback: boolean;
  readonly sshKey: string | undefined;
  /** In bytes. */
  readonly diskSize: number | undefined;
  /** The disk space for VM snapshots, in bytes; 0 for none. */
  readonly snapshotCacheSize: number;
  /** Of builds that reuse VMs at all. */
  readonly vmReuse: "auto" | "always";
  readonly hardware: HardwareFlags;
}

/** Deviations from the usual machine. */
export interface HardwareFlags {
  readonly diskBus: DiskBus | undefined;
  readonly machine: string | undefined;
  readonly cpu: string | undefined;
  /** Additional arguments for QEMU. */
  readonly arguments: readonly string[];
}

/** @throws ObError `USAGE` */
export function readSandboxFlags(args: Arguments): SandboxFlags {
  const given = <T>(name: string, parse: (value: string, flag: string) => T) => {
    const value = stringOption(args, name);
    return value === undefined ? undefined : parse(value, `--${name}`);
  };
  const accelerator = enumOption(args, "qemu-accel", accelerators) ?? "auto";
  const memory = given("qemu-memory", parseSize) ?? 2 * 2 ** 30;
  return {
    memoryMib: Math.max(1, Math.round(memory / 2 ** 20)),
    cpus: given("qemu-cpus", parseAtLeastOne) ?? 2,
    guestOs: readGuestOs(args, "qemu-guest-os"),
    guestProfiles: stringOptions(args, "guest-profile"),
    guestArch: archOption(args, "qemu-guest-arch"),
    // The original's 30 s suit KVM; under software emulation a usual Debian takes 40 s to boot.
    bootTimeSeconds: given("qemu-boot-time", parseSeconds) ?? (accelerator === "kvm" ? 30 : 120),
    accelerator,
    network: enumOption(args, "qemu-network", networks) ?? "auto",
    confinement: enumOption(args, "qemu-confinement", confinements) ?? "auto",
    allowHostLoopback: args["allow-host-loopback"] === true,
    sshKey: stringOption(args, "qemu-ssh-key"),
    diskSize: given("qemu-disk-size", parseSize),
    snapshotCacheSize: given("snapshot-cache-size", parseSizeOrZero) ?? 2 * 2 ** 30,
    vmReuse: enumOption(args, "vm-reuse", vmReuses) === "always" ? "always" : "auto",
    hardware: {
      diskBus: enumOption(args, "qemu-disk-bus", diskBuses),
      machine: stringOption(args, "qemu-machine"),
      cpu: stringOption(args, "qemu-cpu"),
      arguments: stringOptions(args, "qemu-arg"),
    },
  };
}

/** @throws ObError `USAGE` for an unknown name, unless a profile is given that may have it. */
export function readGuestOs(args: Arguments, name: string): GuestOs | undefined {
  const value = stringOption(args, name);
  const mayBeKnown = stringOptions(args, "guest-profile").length > 0;
  if (value !== undefined && mayBeKnown && isGuestOsName(value)) return value;
  return enumOption(args, name, guestOsNames);
}

function parseAtLeastOne(value: string, flag: string): number {
  return parseCount(value, flag, 1);
}

function parseSeconds(value: string, flag: string): number {
  return /^\d+$/.test(value) ? parseCount(value, flag, 1) : Math.ceil(parseDuration(value, flag) / 1_000);
}
