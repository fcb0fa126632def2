import { ObError } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOptions } from "./options.ts";

const group = "Spec:";

export const buildArgOptions: OptionTable = {
  "build-arg": {
    kind: "values",
    value: "NAME=VALUE",
    describe: "The value of an (arg NAME); NAME alone takes it from the environment. Can be repeated",
    group,
  },
  target: {
    kind: "value",
    value: "BUILD",
    describe: "Build only the nested build of this name, and those that it copies from",
    group,
  },
};

/**
 * The values of `--build-arg`, by the names of the args; the last one of a name counts. `NAME` alone is the variable of the
 * environment, and nothing where that is not set, as in BuildKit.
 *
 * @throws ObError `USAGE`.
 */
export function readBuildArgs(
  args: Arguments,
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const given of stringOptions(args, "build-arg")) {
    const sign = given.indexOf("=");
    const name = sign === -1 ? given : given.slice(0, sign);
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      throw new ObError("USAGE", `--build-arg takes NAME=VALUE, not ${JSON.stringify(given)}.`, {
        hint: 'NAME is that of an (arg …) of the spec: letters, digits and "_".',
      });
    }
    const value = sign === -1 ? env[name] : given.slice(sign + 1);
    if (value !== undefined) values.set(name, value);
  }
  return values;
}
