import { didYouMean, ObError } from "@ob/core";
import type { Action, Command } from "../commands/command.ts";
import type { OptionTable } from "./flags.ts";
import { type Arguments, commonOptions, storeOptions, stringOption } from "./options.ts";

/** An action of a command, by its own name. */
export interface NamedAction {
  readonly name: string;
  readonly action: Action;
}

/** The action that a word names, by its name or another one; undefined if none does. */
export function findAction({ actions = {} }: Command, word: string | undefined): NamedAction | undefined {
  const found = Object.entries(actions).find(
    ([name, { aliases = [] }]) => word !== undefined && (name === word || aliases.includes(word)),
  );
  return found && { name: found[0], action: found[1] };
}

/** The options that an action takes, hidden ones included, in the order of the command. */
export function optionsOf({ options }: Command, { options: own }: Action): OptionTable {
  const always = { ...storeOptions, ...commonOptions };
  return Object.fromEntries(
    Object.entries(options).filter(
      ([name, { hidden = false }]) => hidden || own.includes(name) || Object.hasOwn(always, name),
    ),
  );
}

/**
 * The name of the action of a command line, which `readCommandLine` has put in place of another name of it.
 *
 * @throws ObError `USAGE` if none is given, or there is none of that name.
 */
export function readAction<Name extends string>(
  args: Arguments,
  { command, names }: { readonly command: string; readonly names: readonly Name[] },
): Name {
  const given = stringOption(args, "ACTION");
  const action = names.find((known) => known === given);
  if (action !== undefined) return action;
  const what = given === undefined ? "No action is given" : `Unknown action ${JSON.stringify(given)}`;
  throw new ObError("USAGE", `${what}: ${command} takes ${names.join(", ")}.`, {
    hint: given === undefined ? undefined : didYouMean(given, names),
  });
}

/** @throws ObError `USAGE` if an option is given that belongs to other actions of the command. */
export function refuseForeignOptions(
  given: readonly string[],
  { name, command, found }: { readonly name: string; readonly command: Command; readonly found: NamedAction },
): void {
  const taken = optionsOf(command, found.action);
  const foreign = given.find(
    (option) => Object.hasOwn(command.options, option) && !Object.hasOwn(taken, option),
  );
  if (foreign === undefined) return;
  const owners = Object.entries(command.actions ?? {})
    .filter(([, { options }]) => options.includes(foreign))
    .map(([owner]) => `\`${name} ${owner}\``);
  const written = foreign.length === 1 ? `-${foreign}` : `--${foreign}`;
  throw new ObError("USAGE", `\`${name} ${found.name}\` has no option ${written}.`, {
    hint: `It is an option of ${owners.join(" and ")}.`,
  });
}
