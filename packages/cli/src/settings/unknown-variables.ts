import { didYouMean } from "@ob/core";
import type { OptionTable } from "../args/flags.ts";
import { isSettable, variableOf } from "./setting.ts";
import type { Env } from "./sources.ts";

const prefix = variableOf("");

/** Variables that are read, or belong to the action and to deploy/, and set no option. */
const otherVariables: ReadonlySet<string> = new Set(
  ["CONFIG", "HOST", "NO_CONFIG", "PACKAGE", "QUEUE_PASSWORD", "USER"].map((name) => prefix + name),
);

export interface KnownVariables {
  /** The options of the command. */
  readonly options: OptionTable;
  /** The options of every command: called only if a variable sets no option of this one. */
  readonly allOptions: () => Promise<Readonly<Record<string, OptionTable>>>;
}

/** A warning for each variable `OBUILDER_NAME` that no command reads, in the order of their names. Values are not in it. */
export async function unknownVariableWarnings(
  env: Env,
  { options, allOptions }: KnownVariables,
): Promise<readonly string[]> {
  const own = variablesOf(options);
  const others = Object.keys(env).filter(
    (name) => name.startsWith(prefix) && !otherVariables.has(name) && !own.has(name),
  );
  if (others.length === 0) return [];
  const known = new Set(Object.values(await allOptions()).flatMap((table) => [...variablesOf(table)]));
  const names = [...known, ...otherVariables];
  return others
    .filter((name) => !known.has(name))
    .toSorted()
    .map((name) => {
      const near = didYouMean(name, names);
      return `The variable ${name} sets no option.${near === undefined ? "" : ` ${near}`}`;
    });
}

function variablesOf(options: OptionTable): ReadonlySet<string> {
  return new Set(Object.keys(options).filter(isSettable).map(variableOf));
}
