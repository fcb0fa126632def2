import { storeOptions, specOptions } from "../args/options.ts";
import { formatTable } from "../output/format-table.ts";
import { jsonDocument } from "../output/printable.ts";
import { inOrder } from "../settings/apply-settings.ts";
import { readFileSettings } from "../settings/read-file-settings.ts";
import { environmentSettings, replacedBy, type Setting } from "../settings/setting.ts";
import { findSettingsFiles, skippedModule } from "../settings/sources.ts";
import type { Command } from "./command.ts";

export const config: Command = {
  description:
    "Shows which options the environment and the settings files set, for which command, and where. With -f also those of the file " +
    "beside the spec. What a command line says comes first.",
  positionals: [],
  options: {
    ...specOptions,
    json: { kind: "flag", describe: "One object", group: "Output:" },
  },
  examples: [
    ["obuilder config", "what holds, and whence"],
    ["obuilder config --json -f example.spec", "with the file beside the spec, for a program"],
  ],

  async run(args, { io, emit, allOptions }) {
    const options = await allOptions();
    const everyOption = { ...storeOptions, ...Object.assign({}, ...Object.values(options)) };
    const files = await findSettingsFiles(args, io.env);
    const settings = [
      ...environmentSettings(everyOption, io.env),
      ...(await readFileSettings(files, { commands: options })),
    ];
    const rows = inOrder(settings).map((each, index, all) => ({
      name: each.name,
      command: each.command ?? null,
      value: shownValue(each),
      source: each.origin.kind,
      place: placeOf(each),
      holds: !all.slice(0, index).some((earlier) => hides(earlier, each)),
    }));
    const skipped = await skippedModule(args);
    if (skipped !== undefined) {
      const text = `${skipped} is not read: it is code. --config ${skipped} reads it.`;
      emit({ type: "log", level: "warning", text });
    }
    if (args["json"] === true) {
      const read = files.map(({ kind, file }) => ({ kind, file }));
      io.stdout.write(jsonDocument({ settings: rows, files: read }));
      return;
    }
    const table = rows.map(({ name, command, value, place, holds }) => [
      command === null ? name : `${command}.${name}`,
      Array.isArray(value) ? value.join(" ") : String(value),
      holds ? place : `${place} (replaced)`,
    ]);
    io.stdout.write(formatTable(["OPTION", "VALUE", "FROM"], { rows: table, left: [0, 1, 2] }));
  },
};

/** True if the later setting never counts. Values of args are joined. */
function hides(earlier: Setting, later: Setting): boolean {
  const isSame = replacedBy(earlier.name).includes(later.name) && later.name !== "build-arg";
  return isSame && (earlier.command === undefined || earlier.command === later.command);
}

/** Without a password in a URL. */
function shownValue({ value }: Setting): Setting["value"] {
  const hide = (text: string) => text.replace(/^(\w+:\/\/[^/@]*:)[^/]*@/, "$1***@");
  if (typeof value === "string") return hide(value);
  return Array.isArray(value) ? value.map(hide) : value;
}

function placeOf({ origin }: Setting): string {
  if (origin.kind === "environment") return `$${origin.variable}`;
  return origin.line === undefined ? origin.file : `${origin.file}:${origin.line}`;
}
