import { didYouMean, type GuestArch, guestArchNames, guestArchOf, ObError } from "@ob/core";
import { type ColorMode, colorModes } from "../output/colors.ts";
import type { OptionTable } from "./flags.ts";

/** The values of a command line, by the long names of the options and the names of the arguments. */
export type Arguments = Readonly<Record<string, unknown>>;

/** The values of --verbosity, quietest first. */
export const verbosities = ["quiet", "app", "error", "warning", "info", "debug"] as const;
export type Verbosity = (typeof verbosities)[number];

export const progressModes = ["auto", "plain", "tty", "json"] as const;
export type ProgressMode = (typeof progressModes)[number];

const messages = "Messages:";
export const commonOptions: OptionTable = {
  verbose: {
    kind: "count",
    short: "v",
    describe: "Log what is done and each program that is run; repeat for debug output",
    group: messages,
  },
  quiet: { kind: "flag", short: "q", describe: "Print no warnings", group: messages },
  verbosity: {
    kind: "value",
    value: "LEVEL",
    describe: `One of ${verbosities.join(", ")}`,
    group: messages,
    complete: verbosities,
  },
  color: {
    kind: "value",
    value: "WHEN",
    describe: "auto, always or never",
    group: messages,
    complete: colorModes,
  },
  config: {
    kind: "value",
    value: "FILE",
    describe: "Read settings from FILE (JSON or a module) instead of obuilder.json beside the spec",
    group: messages,
  },
  "no-config": { kind: "flag", describe: "Read no settings files", group: messages },
  help: { kind: "flag", short: "h", describe: "Show this help", group: messages },
  version: { kind: "flag", describe: "Show the version", group: messages },
};

export const storeOptions: OptionTable = {
  store: {
    kind: "value",
    value: "qemu:DIR",
    describe: "The store of layers (default: $OBUILDER_STORE)",
    group: "Store:",
    complete: "directory",
  },
};

export const specOptions: OptionTable = {
  f: {
    kind: "value",
    value: "FILE",
    describe: "The build spec; - is standard input",
    group: "Spec:",
  },
};

export const progressOptions: OptionTable = {
  progress: {
    kind: "value",
    value: "HOW",
    describe:
      "tty, plain (the original's lines), json (one object per line), or auto: tty on a terminal, else plain",
    group: messages,
    complete: progressModes,
  },
};

/** The same options, accepted without effect and not shown in the help, as the original accepts them. */
export function acceptedButHidden(options: OptionTable): OptionTable {
  return Object.fromEntries(
    Object.entries(options).map(([name, option]) => [name, { ...option, hidden: true }]),
  );
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

/** An architecture by Debian's, OCI's or the kernel's name for it. @throws ObError `USAGE` with the names. */
export function archOption(args: Arguments, name: string): GuestArch | undefined {
  const value = stringOption(args, name);
  return (value === undefined ? undefined : guestArchOf(value)) ?? enumOption(args, name, guestArchNames);
}

/** The value of an option with a few allowed values. @throws ObError `USAGE` with the nearest value. */
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
    hint: didYouMean(value, words),
  });
}
