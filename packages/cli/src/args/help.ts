import type { Argv } from "yargs";
import yargs from "yargs/yargs";
import type { Command } from "../commands/command.ts";
import { commands } from "../commands/registry.ts";
import { exitCodesHelp } from "../exit-codes.ts";
import { type NamedAction, optionsOf } from "./actions.ts";
import type { OptionTable } from "./flags.ts";
import { commonOptions } from "./options.ts";
import { maxHelpColumns } from "./rendered-help.ts";

/** The help of one command. `columns` is the width to wrap at. */
export async function commandHelp(name: string, command: Command, columns: number): Promise<string> {
  const { positionals, rest, options, description, examples } = command;
  const words = [
    ...positionals.map((positional) => positional.name),
    ...(rest ? [`[${rest.afterDashes === true ? "-- " : ""}${rest.name}...]`] : []),
  ];
  const usage = ["obuilder", name, "[options]", ...words].join(" ");
  const shown = examples.flatMap(([line, what]) => [`  ${line}`, ...(what === "" ? [] : [`      ${what}`])]);
  const parser = helpParser({ ...options, ...commonOptions }, columns).scriptName("obuilder");
  for (const [action, { summary, positionals: own }] of Object.entries(command.actions ?? {})) {
    parser.command([name, action, ...own.map((positional) => positional.name)].join(" "), summary);
  }
  return await parser
    .updateStrings({ "Commands:": "Actions:" })
    .usage(`${usage}\n\n${description}`)
    .epilogue(shown.length === 0 ? exitCodesHelp : `Examples:\n${shown.join("\n")}\n\n${exitCodesHelp}`)
    .getHelp();
}

/** The help of one action of a command. */
export async function actionHelp(
  name: string,
  {
    command,
    found,
    columns,
  }: { readonly command: Command; readonly found: NamedAction; readonly columns: number },
): Promise<string> {
  const { positionals, summary } = found.action;
  const own = `${name} ${found.name}`;
  const isOwn = ([line]: Command["examples"][number]) => line.includes(`obuilder ${own} `);
  return await commandHelp(
    own,
    {
      ...{ ...command, actions: {}, description: `${summary}.`, positionals },
      ...{ options: optionsOf(command, found.action), examples: command.examples.filter(isOwn) },
    },
    columns,
  );
}

/** The help of `obuilder` itself. */
export async function topHelp(columns: number): Promise<string> {
  const parser = helpParser(commonOptions, columns).scriptName("obuilder");
  for (const [name, { summary, alias = false }] of Object.entries(commands)) {
    if (!alias) parser.command(name, summary);
  }
  return await parser
    .updateStrings({ "Commands:": "Commands:" })
    .usage("obuilder COMMAND [options]\n\nBuilds specs in virtual machines, and stores each step as a layer.")
    .epilogue(`\`obuilder help COMMAND\` shows the options of a command.\n\n${exitCodesHelp}`)
    .getHelp();
}

function helpParser(options: OptionTable, columns: number): Argv {
  const parser = quietParser().wrap(Math.min(columns, maxHelpColumns));
  for (const [name, option] of Object.entries(options)) {
    const { value, short, describe, group, hidden = false } = option;
    // Without a type, which yargs would print; the name of the value says more.
    const label = value === undefined || name.length === 1 ? name : `${name}=${value}`;
    parser.option(label, { ...(short !== undefined && { alias: short }), describe, group, hidden });
  }
  return parser;
}

/** A parser that neither prints nor exits; it only makes the help. */
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
