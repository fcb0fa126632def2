import { specOptions } from "../args/options.ts";
import { readSpec } from "../args/spec-input.ts";
import type { Command } from "./command.ts";

export const fmt: Command = {
  description: "Formats a spec, or prints the machine form that ids are computed from. Comments are dropped.",
  positionals: [],
  options: {
    ...specOptions,
    machine: {
      kind: "flag",
      describe: "Print the machine form: one line, without needless space",
      group: "Output:",
    },
  },
  examples: [
    ["obuilder fmt -f example.spec", ""],
    ["obuilder fmt --machine < example.spec", "without -f, standard input is read"],
  ],

  async run(args, { io }) {
    const { spec } = await readSpec(args, io, { fallback: "-" });
    const { formatSpec, printMachine, toBytes } = await import("@ob/spec");
    const printed = args["machine"] === true ? printMachine(spec) : formatSpec(spec);
    io.stdout.write(toBytes(`${printed.trimEnd()}\n`));
  },
};
