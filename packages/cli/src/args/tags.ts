import { parseTagName } from "@ob/core";
import type { OptionTable } from "./flags.ts";
import { type Arguments, stringOptions } from "./options.ts";

export const tagOptions: OptionTable = {
  tag: {
    kind: "values",
    short: "t",
    value: "NAME",
    describe:
      "A name for the last layer, such as tools or tools:1.2; it moves if another layer has it. Can be repeated",
    group: "Output:",
  },
};

/** The names of `--tag`, each once. @throws ObError `USAGE`. */
export function readTags(args: Arguments): readonly string[] {
  return [...new Set(stringOptions(args, "tag").map(parseTagName))];
}
