import { ObError } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOption } from "./options.ts";
import { parseDuration, parseSizeOrZero } from "./units.ts";

const group = "Limits:";

export const limitOptions: OptionTable = {
  "step-timeout": {
    kind: "value",
    value: "SPAN",
    describe: "End with 124 if a step takes longer than this (default: no limit)",
    group,
  },
  timeout: {
    kind: "value",
    value: "SPAN",
    describe: "End with 124 if the build takes longer than this, such as 45m or 2h (default: no limit)",
    group,
  },
  "log-limit": {
    kind: "value",
    value: "SIZE",
    describe: "How long a step's log gets, in GiB or as 128M (default); 0: any length",
    group,
  },
  "disk-reserve": {
    kind: "value",
    value: "SIZE",
    describe: "What stays free on the store's disk, in GiB or as 256M (default); 0: nothing",
    group,
  },
};

/** Undefined where an option was not given: then the builder's own default holds. */
export interface Limits {
  readonly stepTimeoutMs: number | undefined;
  readonly timeoutMs: number | undefined;
  /** In bytes. */
  readonly logLimit: number | undefined;
  /** In bytes. */
  readonly diskReserve: number | undefined;
}

/** @throws ObError `USAGE` */
export function readLimits(args: Arguments): Limits {
  const given = (name: string, parse: (value: string, flag: string) => number) => {
    const value = stringOption(args, name);
    return value === undefined ? undefined : parse(value, `--${name}`);
  };
  return {
    stepTimeoutMs: given("step-timeout", parseLimit),
    timeoutMs: given("timeout", parseLimit),
    logLimit: given("log-limit", parseSizeOrZero),
    diskReserve: given("disk-reserve", parseSizeOrZero),
  };
}

/** The milliseconds of `--timeout`, if it was given. @throws ObError `USAGE` */
export function readTimeout(args: Arguments): number | undefined {
  const value = stringOption(args, "timeout");
  return value === undefined ? undefined : parseLimit(value, "--timeout");
}

function parseLimit(text: string, flag: string): number {
  const milliseconds = parseDuration(text, flag);
  if (milliseconds > 0) return milliseconds;
  throw new ObError("USAGE", `${flag}: ${JSON.stringify(text)} is no time at all.`, {
    hint: "Omit it for no limit.",
  });
}
