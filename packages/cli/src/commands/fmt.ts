import { ObError } from "@ob/core";
import { specOptions } from "../args/options.ts";
import { type SpecFile, specFiles, specFilesArgument } from "../args/spec-files.ts";
import { exitCodes } from "../exit-codes.ts";
import { printableLine } from "../output/printable.ts";
import { renderEach } from "../output/render-each.ts";
import { replaceFile } from "../output/replace-file.ts";
import type { Command } from "./command.ts";

const output = "Output:";

export const fmt: Command = {
  description:
    "Formats specs, and keeps their comments. Prints the formatted text, or with --write replaces the files that are not " +
    "formatted. --machine prints the machine form that ids are computed from, which has no comments.",
  positionals: [],
  rest: specFilesArgument,
  options: {
    ...specOptions,
    write: {
      kind: "flag",
      short: "w",
      describe: "Write to the files instead of standard output, and print the names of those that changed",
      group: output,
    },
    check: {
      kind: "flag",
      describe:
        "Write nothing, print the names of the files that are not formatted, and exit with 1 if there are any",
      group: output,
    },
    machine: {
      kind: "flag",
      describe: "Print the machine form: one line, without needless space",
      group: output,
    },
  },
  examples: [
    ["obuilder fmt example.spec", ""],
    ["obuilder fmt --write .", "all files *.spec in this directory and below"],
    ["obuilder fmt --check example.spec", "for CI"],
    ["obuilder fmt --machine < example.spec", "without a file, standard input is read"],
  ],

  async run(args, { io, color }) {
    const [write, check, machine] = ["write", "check", "machine"].map((name) => args[name] === true);
    if ([write, check, machine].filter(Boolean).length > 1) {
      throw new ObError("USAGE", "Of --write, --check and --machine only one can be given.");
    }
    const files = await specFiles(args, io);
    if (write !== true && check !== true && files.length > 1) {
      throw new ObError("USAGE", `${files.length} specs cannot be printed as one.`, {
        hint: "--write formats them all, --check names those that are not formatted.",
      });
    }
    if (write === true && files.some((file) => file.path === undefined)) {
      throw new ObError("USAGE", "Standard input cannot be written to.", {
        hint: "Omit --write: what is formatted is printed on standard output.",
      });
    }
    let unformatted = 0;
    const failed = await renderEach(files, { io, color }, async (file) => {
      const { given, formatted } = await formatFile(file, machine === true);
      if (write !== true && check !== true) io.stdout.write(formatted);
      else if (!formatted.equals(given)) {
        unformatted++;
        if (write === true && file.path !== undefined) await replaceFile(file.path, formatted);
        io.stdout.write(`${printableLine(file.name)}\n`);
      }
    });
    return failed ?? (check === true && unformatted > 0 ? exitCodes.found : exitCodes.ok);
  },
};

async function formatFile(file: SpecFile, machine: boolean) {
  const given = await file.read();
  const { parseSpec, printMachine, toBytes } = await import("@ob/spec");
  if (machine) {
    return {
      given,
      formatted: Buffer.from(toBytes(`${printMachine(parseSpec(given, { file: file.name }))}\n`)),
    };
  }
  const { formatSource } = await import("@ob/spec/editor");
  return { given, formatted: Buffer.from(toBytes(formatSource(given, { file: file.name }))) };
}
