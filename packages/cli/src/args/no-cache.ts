import type { BuildOptions } from "@ob/builder";
import { ObError } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOption } from "./options.ts";

const group = "Store:";

export const noCacheOptions: OptionTable = {
  "no-cache": {
    kind: "flag",
    describe: "Run every step, although its layer is in the store; later builds use the new layers",
    group,
  },
  "no-cache-filter": {
    kind: "value",
    value: "BUILD,...",
    describe: "The same for the steps of these nested builds only",
    group,
  },
};

/** @throws ObError `USAGE` if both options are given, or a name is empty. */
export function readNoCache(args: Arguments): BuildOptions["noCache"] {
  const names = stringOption(args, "no-cache-filter")?.split(",");
  if (names === undefined) return args["no-cache"] === true;
  if (args["no-cache"] === true) {
    throw new ObError("USAGE", "--no-cache and --no-cache-filter cannot be used together.");
  }
  if (names.includes("")) throw new ObError("USAGE", "--no-cache-filter takes names of nested builds.");
  // The target is the main build of what is built.
  const target = stringOption(args, "target");
  return names.map((name) => (name === target ? "" : name));
}
