import { parseArgs } from "node:util";
import { didYouMean, ObError } from "@ob/core";
import type { Command } from "../commands/command.ts";
import { commands } from "../commands/registry.ts";
import { findAction, refuseForeignOptions } from "./actions.ts";
import { allOptions } from "./all-options.ts";
import { foreignCommandHint } from "./foreign-names.ts";
import { normalizeFlags, type Option, type OptionTable } from "./flags.ts";
import { applySettings } from "../settings/apply-settings.ts";
import { type Arguments, commonOptions } from "./options.ts";
import { renderedHelp } from "./rendered-help.ts";

/** What a command line asks for. */
export type Invocation =
  /** Text to print: help, or the version. */
  | { readonly kind: "text"; readonly text: string }
  /** No command: the help, as an error. */
  | { readonly kind: "no-command"; readonly text: string }
  /** Words of a command line whose last one a shell completes. */
  | { readonly kind: "complete"; readonly words: readonly string[] }
  | { readonly kind: "run"; readonly name: string; readonly command: Command; readonly args: Arguments };

export interface CommandLineOptions {
  /** Width to wrap the help at, in characters. */
  readonly columns: number;
  /** The environment, which can set options, and says where settings files are. By default neither is looked at. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/**
 * Parses a command line.
 *
 * @throws ObError `USAGE`.
 */
export async function readCommandLine(
  words: readonly string[],
  { columns, env }: CommandLineOptions,
): Promise<Invocation> {
  if (words[0] === "__complete" && words[1] === "--") return { kind: "complete", words: words.slice(2) };
  const argv = words[0] === "help" ? [...words.slice(1, 3), "--help"] : words;
  const rendered = renderedHelp(argv, { columns });
  if (rendered !== undefined) return { kind: "text", text: rendered };
  const name = argv.find((word) => !word.startsWith("-"));
  if (name === undefined) return await readWithoutCommand(argv, columns);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    throw new ObError("USAGE", `Unknown command ${JSON.stringify(name)}.`, {
      hint:
        foreignCommandHint(name) ??
        didYouMean(name, Object.keys(commands)) ??
        `The commands are ${Object.keys(commands).join(", ")}.`,
    });
  }
  const command = await entry.load();
  const at = argv.indexOf(name);
  const options = { ...commonOptions, ...command.options };
  const flags = normalizeFlags([...argv.slice(0, at), ...argv.slice(at + 1)], options);

  // What follows `--` is for the guest.
  const end = flags.indexOf("--");
  const asked = new Set(end === -1 ? flags : flags.slice(0, end));
  if (asked.has("--version")) return { kind: "text", text: (await import("../version.ts")).version() };
  const found = findAction(
    command,
    [...asked].find((word) => !word.startsWith("-")),
  );
  if (asked.has("--help")) {
    const { actionHelp, commandHelp } = await import("./help.ts");
    const help = found ? actionHelp(name, { command, found, columns }) : commandHelp(name, command, columns);
    return { kind: "text", text: `${await help}\n` };
  }
  const { values, positionals } = readValues(flags, options);
  if (found) refuseForeignOptions(Object.keys(values), { name, command, found });
  const more = positionals.slice(command.positionals.length);
  const [extra] = more;
  if (extra !== undefined && command.rest === undefined) {
    throw new ObError("USAGE", `Unexpected argument ${JSON.stringify(extra)}.`, {
      hint: takes(name, command),
    });
  }
  const named = command.positionals.map((positional, index) => [positional.name, positionals[index]]);
  if (found) named[0] = ["ACTION", found.name];
  const others = command.rest ? { [command.rest.name]: more } : {};
  const given = env === undefined ? values : await applySettings(values, { name, options, env, allOptions });
  return { kind: "run", name, command, args: { ...given, ...Object.fromEntries(named), ...others } };
}

async function readWithoutCommand(argv: readonly string[], columns: number): Promise<Invocation> {
  const flags = normalizeFlags(argv, { ...commonOptions, ...versionOptions });
  if (flags.includes("--version")) {
    const { versionAsJson, version } = await import("../version.ts");
    return { kind: "text", text: flags.includes("--json") ? versionAsJson() : version() };
  }
  if (flags.includes("--json")) throw new ObError("USAGE", "--json needs a command, or --version.");
  const { topHelp } = await import("./help.ts");
  const text = `${await topHelp(columns)}\n`;
  return { kind: flags.includes("--help") ? "text" : "no-command", text };
}

/** What `--version` takes without a command. */
const versionOptions: OptionTable = {
  json: { kind: "flag", describe: "The version as an object", group: "Messages:", hidden: true },
};

function takes(name: string, { positionals }: Command): string {
  const names = positionals.map((positional) => positional.name);
  if (names.length === 0) return `\`${name}\` takes no arguments.`;
  return names.length === 1
    ? `\`${name}\` takes one argument, ${names[0]}.`
    : `\`${name}\` takes ${names.join(" and ")}.`;
}

/** The values of normalised words; numbers stay text. */
function readValues(flags: readonly string[], options: OptionTable) {
  const multiple = (kind: Option["kind"]) => kind === "count" || kind === "values";
  const read = parseArgs({
    args: [...flags],
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(options).map(([name, { kind }]) => [
        name,
        { type: kind === "flag" || kind === "count" ? "boolean" : "string", multiple: multiple(kind) },
      ]),
    ),
  });
  const values = Object.entries(read.values).map(([name, value]) => [
    name,
    options[name]?.kind === "count" && Array.isArray(value) ? value.length : value,
  ]);
  return { values: Object.fromEntries(values), positionals: read.positionals };
}
