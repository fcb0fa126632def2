import type { OptionTable } from "../args/flags.ts";
import type { Arguments } from "../args/options.ts";
import type { KnownOptions } from "./file-settings.ts";
import { environmentSettings, replacedBy, type Setting } from "./setting.ts";
import { type Env, findSettingsFiles } from "./sources.ts";

export interface CommandSettings {
  /** The name of the command. */
  readonly name: string;
  readonly options: OptionTable;
  readonly env: Env;
  /** The options of every command, by its name: called only if there is a file. */
  readonly allOptions: () => Promise<KnownOptions["commands"]>;
}

/**
 * The arguments of a command with what the environment and the settings files say of options that the command line does not have. The
 * order is: command line, environment, file of `--config` or of the project, user's file, system's file.
 *
 * @throws ObError `USAGE`.
 */
export async function applySettings(
  args: Arguments,
  { name, options, env, allOptions }: CommandSettings,
): Promise<Arguments> {
  const settings: Setting[] = [...environmentSettings(options, env)];
  const files = await findSettingsFiles(args, env);
  if (files.length > 0) {
    const { readFileSettings } = await import("./read-file-settings.ts");
    settings.push(...(await readFileSettings(files, { commands: await allOptions() })));
  }
  return merge(
    args,
    settings.filter((each) => Object.hasOwn(options, each.name) && holdsFor(each, name)),
  );
}

function holdsFor({ command }: Setting, name: string): boolean {
  return command === undefined || command === name;
}

function merge(args: Arguments, settings: readonly Setting[]): Arguments {
  const merged: Record<string, unknown> = { ...args };
  const decided = new Set(Object.keys(args).flatMap((name) => [...replacedBy(name)]));
  for (const { name, value } of inOrder(settings)) {
    // Values of args are joined: a later one replaces an earlier one of its name only.
    if (name === "build-arg" && Array.isArray(value)) {
      const given: unknown = merged[name];
      merged[name] = [...value, ...(Array.isArray(given) ? given : [])];
      continue;
    }
    if (decided.has(name)) continue;
    for (const replaced of replacedBy(name)) decided.add(replaced);
    if (value !== false) merged[name] = value;
  }
  return merged;
}

/** Of one source, what is said of the command comes before what is said of all. */
export function inOrder(settings: readonly Setting[]): readonly Setting[] {
  const sources = [...new Set(settings.map(sourceOf))];
  return sources.flatMap((source) =>
    settings
      .filter((each) => sourceOf(each) === source)
      .toSorted((a, b) => Number(b.command !== undefined) - Number(a.command !== undefined)),
  );
}

function sourceOf({ origin }: Setting): string {
  return origin.kind === "environment" ? "environment" : `${origin.kind} ${origin.file}`;
}
