import { stat } from "node:fs/promises";
import path from "node:path";
import { errorMessage, ObError } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOption } from "./options.ts";

export const ignoreOptions: OptionTable = {
  "ignore-file": {
    kind: "value",
    value: "FILE",
    describe:
      "Patterns for what `copy` leaves out of SRC_DIR (default: .obuilderignore in it, else .dockerignore)",
    group: "Spec:",
  },
  "no-ignore-file": { kind: "flag", describe: "Use no ignore file, as the original", group: "Spec:" },
};

/**
 * The ignore file of a build, as `BuildRequest.ignoreFile`.
 *
 * @throws ObError `USAGE` if FILE is not a file, or both options are given.
 */
export async function readIgnoreFile(args: Arguments): Promise<string | false | undefined> {
  const file = stringOption(args, "ignore-file");
  const none = args["no-ignore-file"] === true;
  if (file === undefined) return none ? false : undefined;
  if (none) throw new ObError("USAGE", "--ignore-file and --no-ignore-file cannot be used together.");
  const stats = await stat(file).catch((cause: unknown) => {
    throw new ObError("USAGE", `The ignore file ${file} cannot be opened: ${errorMessage(cause)}.`, {
      cause,
    });
  });
  if (!stats.isFile()) throw new ObError("USAGE", `The ignore file ${file} is not a file.`);
  return path.resolve(file);
}
