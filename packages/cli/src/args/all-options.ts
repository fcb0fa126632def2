import { commands } from "../commands/registry.ts";
import type { OptionTable } from "./flags.ts";
import { commonOptions } from "./options.ts";

/** The options of every command, by its name. Loads all commands. */
export async function allOptions(): Promise<Readonly<Record<string, OptionTable>>> {
  const loaded = await Promise.all(
    Object.entries(commands).map(async ([name, { load }]) => {
      const { options } = await load();
      return [name, { ...commonOptions, ...options }] as const;
    }),
  );
  return Object.fromEntries(loaded);
}
