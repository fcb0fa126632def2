import { type KnownOptions, proposals, readSettingsFile } from "./file-settings.ts";
import type { Setting } from "./setting.ts";
import type { SettingsFile } from "./sources.ts";

/**
 * The settings of files, in their order. What a project's file only proposes is left out if a user's or the system's file has it.
 *
 * @throws ObError `USAGE`; see `readSettingsFile`.
 */
export async function readFileSettings(
  files: readonly SettingsFile[],
  known: KnownOptions,
): Promise<readonly Setting[]> {
  const read: Setting[] = [];
  for (const file of files) read.push(...(await readSettingsFile(file, known)));
  const limits = new Set(
    read.filter(({ origin }) => origin.kind === "user" || origin.kind === "system").map(({ name }) => name),
  );
  return read.filter(
    ({ name, origin }) => !(origin.kind === "project" && proposals.has(name) && limits.has(name)),
  );
}
