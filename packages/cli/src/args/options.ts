import {
  type DiskBus,
  diskBuses,
  type GuestArch,
  guestArches,
  type GuestOs,
  guestOses,
  isGuestOsName,
  ObError,
} from "@ob/core";
import { type ColorMode, colorModes } from "../output/colors.ts";
import { type OptionTable, suggest } from "./flags.ts";
import { parseCount, parseSize, parseSpan } from "./units.ts";

/** The values of a command line, by the long names of the options and the names of the arguments. */
export type Arguments = Readonly<Record<string, unknown>>;

/** What --verbosity takes, quietest first. */
export const verbosities = ["quiet", "app", "error", "warning", "info", "debug"] as const;
export type Verbosity = (typeof verbosities)[number];

export const progressModes = ["auto", "plain", "tty", "json"] as const;
export type ProgressMode = (typeof progressModes)[number];

const messages = "Messages:";
export const commonOptions: OptionTable = {
  verbose: {
    kind: "count",
    short: "v",
    describe: "Say what is done, with each program that is run; twice for debugging",
    group: messages,
  },
  quiet: { kind: "flag", short: "q", describe: "Print no warnings", group: messages },
  verbosity: { kind: "value", value: "LEVEL", describe: `One of ${verbosities.join(", ")}`, group: messages },
  color: { kind: "value", value: "WHEN", describe: "auto, always or never", group: messages },
  help: { kind: "flag", describe: "Show this help", group: messages },
  version: { kind: "flag", describe: "Show the version", group: messages },
};

export const storeOptions: OptionTable = {
  store: {
    kind: "value",
    value: "qemu:DIR",
    describe: "Where the layers are kept; by default OBUILDER_STORE says",
    group: "Store:",
  },
};

export const specOptions: OptionTable = {
  f: {
    kind: "value",
    value: "FILE",
    describe: "FILE with the build spec; - is standard input",
    group: "Spec:",
  },
};

export const secretOptions: OptionTable = {
  secret: {
    kind: "values",
    value: "ID:FILE",
    describe: "The file that holds the secret ID; can be repeated",
    group: "Spec:",
  },
};

export const progressOptions: OptionTable = {
  progress: {
    kind: "value",
    value: "HOW",
    describe:
      "tty, plain (the original's lines), json (one object a line), or auto: tty on a terminal, else plain",
    group: messages,
  },
};

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
  "guest-profile": {
    kind: "values",
    value: "FILE",
    describe: "A TypeScript or JavaScript module with the profile of another guest OS; can be repeated",
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
  "template-space": {
    kind: "value",
    value: "SIZE",
    describe: "Disk space for guests that are saved to be resumed, in GiB or as 512M; 0 for none (default 2)",
    group: machines,
  },
  // runc's; a disk in the making is never synchronised here.
  "fast-sync": { kind: "flag", describe: "Accepted for the original's sake", group: machines, hidden: true },
};

export const vmReuseOptions: OptionTable = {
  "fresh-vm": {
    kind: "flag",
    describe:
      "Boot a virtual machine for each step; by default one goes on from a step to the next where it can",
    group: machines,
  },
};

/** The same options, accepted and not shown: the original takes them where they mean nothing. */
export function acceptedButHidden(options: OptionTable): OptionTable {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { ...option, hidden: true }]),
  );
}

/** What the flags say of virtual machines; undefined where they say nothing. */
export interface SandboxFlags {
  readonly memoryMib: number;
  readonly cpus: number;
  readonly guestOs: GuestOs | undefined;
  /** Files with profiles of other guest operating systems. */
  readonly guestProfiles: readonly string[];
  readonly guestArch: GuestArch | undefined;
  readonly bootTimeSeconds: number;
  readonly accelerator: "auto" | "kvm" | "tcg";
  readonly sshKey: string | undefined;
  /** In bytes. */
  readonly diskSize: number | undefined;
  /** In bytes; 0 for no saved guests. */
  readonly templateSpace: number;
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
    guestOs: readGuestOs(args, "qemu-guest-os"),
    guestProfiles: stringOptions(args, "guest-profile"),
    guestArch: enumOption(args, "qemu-guest-arch", guestArches),
    // The original's 30 s are meant for KVM; under software emulation a usual Debian takes 40 s.
    bootTimeSeconds: given("qemu-boot-time", parseSeconds) ?? (accelerator === "kvm" ? 30 : 120),
    accelerator,
    sshKey: stringOption(args, "qemu-ssh-key"),
    diskSize: given("qemu-disk-size", parseSize),
    templateSpace: given("template-space", parseSpace) ?? 2 * 2 ** 30,
    hardware: {
      diskBus: enumOption(args, "qemu-disk-bus", diskBuses),
      machine: stringOption(args, "qemu-machine"),
      cpu: stringOption(args, "qemu-cpu"),
      arguments: stringOptions(args, "qemu-arg"),
    },
  };
}

/** @throws ObError `USAGE` for an unknown name, unless there is a profile that may know it. */
export function readGuestOs(args: Arguments, name: string): GuestOs | undefined {
  const value = stringOption(args, name);
  const mayBeKnown = stringOptions(args, "guest-profile").length > 0;
  if (value !== undefined && mayBeKnown && isGuestOsName(value)) return value;
  return enumOption(args, name, guestOses);
}

function parseSpace(value: string, flag: string): number {
  return /^0+$/.test(value.trim()) ? 0 : parseSize(value, flag);
}

function parseAtLeastOne(value: string, flag: string): number {
  return parseCount(value, flag, 1);
}

function parseSeconds(value: string, flag: string): number {
  return /^\d+$/.test(value) ? parseCount(value, flag, 1) : Math.ceil(parseSpan(value, flag) / 1_000);
}

/** `-q` before `--verbosity` before `-v`, as in the original. */
export function readVerbosity(args: Arguments): Verbosity {
  if (args["quiet"] === true) return "quiet";
  const times = typeof args["verbose"] === "number" ? args["verbose"] : 0;
  return (
    enumOption(args, "verbosity", verbosities) ?? (times === 0 ? "warning" : times === 1 ? "info" : "debug")
  );
}

export function readColorMode(args: Arguments): ColorMode {
  return enumOption(args, "color", colorModes) ?? "auto";
}

export function readProgressMode(args: Arguments): ProgressMode {
  return enumOption(args, "progress", progressModes) ?? "auto";
}

/** The value of an option or argument, or undefined. */
export function stringOption(args: Arguments, name: string): string | undefined {
  const value = args[name];
  return typeof value === "string" ? value : undefined;
}

/** The values of a repeatable option. */
export function stringOptions(args: Arguments, name: string): readonly string[] {
  const value = args[name];
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : [];
}

/** The value of an option that takes one of a few words. @throws ObError `USAGE` with a near word. */
export function enumOption<T extends string>(
  args: Arguments,
  name: string,
  words: readonly T[],
): T | undefined {
  const value = stringOption(args, name);
  if (value === undefined) return undefined;
  const found = words.find((word) => word === value);
  if (found !== undefined) return found;
  throw new ObError("USAGE", `--${name} takes ${words.join(", ")}, not ${JSON.stringify(value)}.`, {
    hint: suggest(value, words),
  });
}
