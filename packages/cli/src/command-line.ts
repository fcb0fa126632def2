import { readFileSync } from "node:fs";
import { ObError } from "@ob/core";
import type { Argv } from "yargs";
import yargs from "yargs/yargs";
import type { Command } from "./commands/command.ts";
import { commands } from "./commands/table.ts";
import { exitCodesHelp } from "./exit-codes.ts";
import { normalizeFlags, type OptionTable, suggest } from "./flags.ts";
import { type Arguments, commonOptions } from "./options.ts";

/** What a command line asks for. */
export type Invocation =
  /** Something to print: help, or the version. */
  | { readonly kind: "text"; readonly text: string }
  /** No command at all: the help, as an error. */
  | { readonly kind: "nothing"; readonly text: string }
  | { readonly kind: "run"; readonly name: string; readonly command: Command; readonly args: Arguments };

export interface CommandLineOptions {
  /** Width to wrap the help at, in characters. */
  readonly columns: number;
}

/**
 * Reads the words of a command line.
 *
 * @throws ObError `USAGE`.
 */
export async function readCommandLine(
  words: readonly string[],
  { columns }: CommandLineOptions,
): Promise<Invocation> {
  const argv = words[0] === "help" ? [...words.slice(1, 2), "--help"] : words;
  const name = argv.find((word) => !word.startsWith("-"));
  if (name === undefined) return await readBareLine(argv, columns);
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) {
    throw new ObError("USAGE", `There is no command ${JSON.stringify(name)}.`, {
      hint: suggest(name, Object.keys(commands)) ?? `The commands are ${Object.keys(commands).join(", ")}.`,
    });
  }
  const command = await entry.load();
  const at = argv.indexOf(name);
  const options = { ...commonOptions, ...command.options };
  const flags = normalizeFlags([...argv.slice(0, at), ...argv.slice(at + 1)], options);

  // What stands after `--` is not meant for us.
  const end = flags.indexOf("--");
  const asked = new Set(end === -1 ? flags : flags.slice(0, end));
  if (asked.has("--version")) return { kind: "text", text: version() };
  if (asked.has("--help")) return { kind: "text", text: `${await commandHelp(name, command, columns)}\n` };
  const { _: rest, $0: _, ...values } = await readValues(flags, options);
  const positionals = rest.map(String);
  const more = positionals.slice(command.positionals.length);
  const [extra] = more;
  if (extra !== undefined && command.rest === undefined) {
    throw new ObError("USAGE", `What is ${JSON.stringify(extra)} for? ${takes(name, command)}`);
  }
  const named = command.positionals.map((positional, index) => [positional.name, positionals[index]]);
  const others = command.rest ? { [command.rest.name]: more } : {};
  return { kind: "run", name, command, args: { ...values, ...Object.fromEntries(named), ...others } };
}

async function readBareLine(argv: readonly string[], columns: number): Promise<Invocation> {
  const flags = normalizeFlags(argv, commonOptions);
  if (flags.includes("--version")) return { kind: "text", text: version() };
  const text = `${await topHelp(columns)}\n`;
  return { kind: flags.includes("--help") ? "text" : "nothing", text };
}

function takes(name: string, { positionals }: Command): string {
  const names = positionals.map((positional) => positional.name);
  if (names.length === 0) return `\`${name}\` takes no arguments.`;
  return names.length === 1
    ? `\`${name}\` takes one argument, ${names[0]}.`
    : `\`${name}\` takes ${names.join(" and ")}.`;
}

/** A parser that neither prints nor exits, and changes no value: numbers stay as they are written. */
function quietParser(): Argv {
  return yargs().locale("en").help(false).version(false).exitProcess(false).fail(false).parserConfiguration({
    "boolean-negation": false,
    "camel-case-expansion": false,
    "dot-notation": false,
    "greedy-arrays": false,
    "parse-numbers": false,
    "parse-positional-numbers": false,
  });
}

const types = { flag: "boolean", count: "count", value: "string", values: "string" } as const;

async function readValues(flags: readonly string[], options: OptionTable) {
  const parser = quietParser();
  for (const [name, { kind }] of Object.entries(options)) {
    parser.option(name, { type: types[kind], ...(kind === "values" && { array: true }) });
  }
  return await parser.parseAsync(flags);
}

function helpParser(options: OptionTable, columns: number): Argv {
  const parser = quietParser().wrap(Math.min(columns, 100));
  for (const [name, option] of Object.entries(options)) {
    const { value, short, describe, group, hidden = false } = option;
    // The type is left out, for yargs would print it; the name of the value says more.
    const label = value === undefined || name.length === 1 ? name : `${name}=${value}`;
    parser.option(label, { ...(short !== undefined && { alias: short }), describe, group, hidden });
  }
  return parser;
}

async function commandHelp(name: string, command: Command, columns: number): Promise<string> {
  const { positionals, rest, options, description, examples } = command;
  const words = [
    ...positionals.map((positional) => positional.name),
    ...(rest ? [`[-- ${rest.name}...]`] : []),
  ];
  const usage = ["obuilder", name, "[options]", ...words].join(" ");
  const shown = examples.flatMap(([line, what]) => [`  ${line}`, ...(what === "" ? [] : [`      ${what}`])]);
  return await helpParser({ ...options, ...commonOptions }, columns)
    .usage(`${usage}\n\n${description}`)
    .epilogue(`Examples:\n${shown.join("\n")}\n\n${exitCodesHelp}`)
    .getHelp();
}

async function topHelp(columns: number): Promise<string> {
  const parser = helpParser(commonOptions, columns).scriptName("obuilder");
  for (const [name, { summary }] of Object.entries(commands)) parser.command(name, summary);
  return await parser
    .usage("obuilder COMMAND [options]\n\nBuilds specs in virtual machines, and keeps each step as a layer.")
    .epilogue(`\`obuilder help COMMAND\` shows the options of a command.\n\n${exitCodesHelp}`)
    .getHelp();
}

/** The version of this package. */
function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version: number }: { readonly version: string } = JSON.parse(text);
  return `${number}\n`;
}
