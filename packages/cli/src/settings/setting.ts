import { ObError } from "@ob/core";
import type { Option, OptionTable } from "../args/flags.ts";

/** The value of an option, as `Arguments` has it. False: the flag is not given, whatever comes after says. */
export type SettingValue = boolean | number | string | readonly string[];

/** Where a setting comes from. */
export type SettingOrigin =
  | { readonly kind: "environment"; readonly variable: string }
  | {
      readonly kind: "explicit" | "project" | "user" | "system";
      readonly file: string;
      /** Undefined in a module. From 1. */
      readonly line: number | undefined;
    };

/** One option that the environment or a file sets. */
export interface Setting {
  /** The long name of the option. */
  readonly name: string;
  /** The only command that it holds for; undefined for all that have the option. */
  readonly command: string | undefined;
  readonly value: SettingValue;
  readonly origin: SettingOrigin;
}

/** Options that belong to a single command line: they name settings themselves, or ask for something else than the command. */
const onlyFlags: ReadonlySet<string> = new Set(["config", "no-config", "help", "version", "f"]);

/** True if the environment and files can set an option. */
export function isSettable(name: string): boolean {
  return name.length > 1 && !onlyFlags.has(name);
}

/** Options that replace each other: the first source that has one of them says it for all. */
const exclusive: readonly (readonly string[])[] = [
  ["verbose", "quiet", "verbosity"],
  ["ignore-file", "no-ignore-file"],
  ["no-cache", "no-cache-filter"],
];

/** What an option replaces, itself included. */
export function replacedBy(name: string): readonly string[] {
  return exclusive.find((names) => names.includes(name)) ?? [name];
}

/** The variable that sets an option. */
export function variableOf(name: string): string {
  return `OBUILDER_${name.toUpperCase().replaceAll("-", "_")}`;
}

/**
 * The settings of the environment, `OBUILDER_NAME` for each option `--name`. Values of repeatable options stand on lines of their own.
 *
 * @throws ObError `USAGE` for a flag whose value is neither true nor false.
 */
export function environmentSettings(
  options: OptionTable,
  env: Readonly<Record<string, string | undefined>>,
): readonly Setting[] {
  return Object.entries(options).flatMap(([name, option]): readonly Setting[] => {
    const variable = variableOf(name);
    const text = env[variable];
    if (!isSettable(name) || text === undefined || text === "") return [];
    const value = parseText(option, { name, text, variable });
    return [{ name, command: undefined, value, origin: { kind: "environment", variable } }];
  });
}

interface Written {
  readonly name: string;
  readonly text: string;
  readonly variable: string;
}

function parseText({ kind }: Option, { name, text, variable }: Written): SettingValue {
  if (kind === "value") return text;
  if (kind === "values") return text.split("\n").filter((line) => line !== "");
  // Any value has always meant yes.
  if (name === "no-vm-reuse" || /^(?:1|true|yes)$/i.test(text)) return kind === "flag" ? true : 1;
  if (/^(?:0|false|no)$/i.test(text)) return kind === "flag" ? false : 0;
  if (kind === "count" && /^[1-9]$/.test(text)) return Number(text);
  throw new ObError("USAGE", `${variable} takes true or false, not ${JSON.stringify(text)}.`);
}
