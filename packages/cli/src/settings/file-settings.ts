import { availableParallelism, totalmem } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { DocumentNode, MemberNode, ValueNode } from "@humanwhocodes/momoa";
import { didYouMean, errorMessage, ObError } from "@ob/core";
import type { Option, OptionTable } from "../args/flags.ts";
import { parseCount, parseSize } from "../args/units.ts";
import { isSettable, type Setting, type SettingValue } from "./setting.ts";
import type { SettingsFile } from "./sources.ts";

/**
 * What a file beside a spec may set. It comes with the spec, perhaps from a stranger: nothing of this names a file, a host or a name of the
 * store, loosens a protection, or uses a secret. docs/security.md says so.
 */
export const projectOptions: ReadonlySet<string> = new Set([
  "build-arg",
  "target",
  "qemu-boot-time",
  "qemu-cpus",
  "qemu-guest-arch",
  "qemu-guest-os",
  "qemu-memory",
  "step-timeout",
  "timeout",
]);

/** Of these a project's file only proposes a value: that of a user or of the system is a limit of theirs. */
export const proposals: ReadonlySet<string> = new Set([
  "qemu-cpus",
  "qemu-memory",
  "step-timeout",
  "timeout",
]);

export interface KnownOptions {
  /** The options of each command, by its name. */
  readonly commands: Readonly<Record<string, OptionTable>>;
}

/**
 * Reads the settings of a file: an object of options by their long names, and of commands with options of their own.
 *
 * @throws ObError `USAGE` with the file, the line and the nearest name for what no command has, what a project's file may not set, and a
 *   value of a wrong kind.
 */
export async function readSettingsFile(file: SettingsFile, known: KnownOptions): Promise<readonly Setting[]> {
  const members = await membersOf(file);
  return members.flatMap((member): readonly Setting[] => {
    const { name, value } = member;
    if (name === "$schema") return [];
    if (Object.hasOwn(known.commands, name) && isRecord(value)) {
      return (member.members ?? recordMembers(value)).map((inner) =>
        settingOf(inner, { file, known, command: name }),
      );
    }
    return [settingOf(member, { file, known, command: undefined })];
  });
}

/** A name with its value, and the line that it stands on. */
interface Member {
  readonly name: string;
  readonly value: unknown;
  readonly line: number | undefined;
  readonly column: number | undefined;
  /** Of an object in JSON: its own members, with their lines. */
  readonly members: readonly Member[] | undefined;
}

async function membersOf(file: SettingsFile): Promise<readonly Member[]> {
  return file.text === undefined ? await moduleMembers(file.file) : await jsonMembers(file.file, file.text);
}

async function moduleMembers(file: string): Promise<readonly Member[]> {
  const module: unknown = await import(pathToFileURL(path.resolve(file)).href).catch((cause: unknown) => {
    throw new ObError("USAGE", `The settings file ${file} cannot be loaded: ${errorMessage(cause)}.`, {
      cause,
    });
  });
  const settings: unknown = Reflect.get(Object(module), "default");
  if (isRecord(settings)) return recordMembers(settings);
  throw new ObError("USAGE", `The settings file ${file} exports no object by default.`, {
    hint: "Write `export default { jobs: 2 };`.",
  });
}

function recordMembers(record: Readonly<Record<string, unknown>>): readonly Member[] {
  return Object.entries(record).map(([name, value]) => ({
    ...{ name, value },
    ...{ line: undefined, column: undefined, members: undefined },
  }));
}

async function jsonMembers(file: string, text: string): Promise<readonly Member[]> {
  const { evaluate, parse } = await import("@humanwhocodes/momoa");
  let document: DocumentNode;
  try {
    document = parse(text, { mode: "jsonc" });
  } catch (cause) {
    throw new ObError("USAGE", `The settings file ${file} is not JSON: ${errorMessage(cause)}.`, { cause });
  }
  const membersIn = (node: ValueNode): readonly Member[] | undefined =>
    node.type === "Object" ? node.members.map(memberOf) : undefined;
  const memberOf = ({ name, value, loc }: MemberNode): Member => ({
    name: name.type === "String" ? name.value : name.name,
    value: evaluate(value),
    line: loc.start.line,
    column: loc.start.column,
    members: membersIn(value),
  });
  const members = membersIn(document.body);
  if (members) return members;
  throw new ObError("USAGE", `The settings file ${file} is not an object.`, {
    hint: 'For example {"jobs": 2}.',
  });
}

interface Context {
  readonly file: SettingsFile;
  readonly known: KnownOptions;
  readonly command: string | undefined;
}

function settingOf(member: Member, { file, known, command }: Context): Setting {
  const { name, line, column } = member;
  const place = [file.file, line, column].filter((part) => part !== undefined).join(":");
  const fail = (message: string, hint?: string) => new ObError("USAGE", `${place}: ${message}`, { hint });
  const tables = command === undefined ? Object.values(known.commands) : [known.commands[command] ?? {}];
  const names = [...new Set(tables.flatMap((table) => Object.keys(table)))].filter(isSettable);
  const option = tables.find((table) => Object.hasOwn(table, name))?.[name];
  if (option === undefined || !isSettable(name)) {
    const owner = command === undefined ? "" : ` of \`${command}\``;
    throw fail(
      `There is no option ${JSON.stringify(name)}${owner} for a settings file.`,
      didYouMean(name, names),
    );
  }
  if (file.kind === "project" && !projectOptions.has(name)) {
    throw fail(
      `A settings file beside a spec may not set ${JSON.stringify(name)}.`,
      `It may set ${[...projectOptions].join(", ")}. Put others into your own file, or read this one with --config.`,
    );
  }
  const value = valueOf(member.value, option);
  if (value === undefined) throw fail(`${JSON.stringify(name)} takes ${kindNames[option.kind]}.`);
  if (file.kind === "project") checkProposal(name, value, fail);
  return { name, command, value, origin: { kind: file.kind, file: file.file, line } };
}

/** A project may neither take a variable of the user's environment nor more of the host than half its memory and all its CPUs. */
function checkProposal(name: string, value: SettingValue, fail: (message: string, hint?: string) => ObError) {
  if (name === "build-arg" && Array.isArray(value) && value.some((each) => !each.includes("="))) {
    throw fail(
      'A settings file beside a spec gives "build-arg" values, as NAME=VALUE.',
      "A name alone would be a variable of your environment.",
    );
  }
  if (name === "qemu-memory" && parseSize(String(value), name) > totalmem() / 2) {
    throw fail(`A settings file beside a spec may ask for half of the host's memory at most.`);
  }
  if (name === "qemu-cpus" && parseCount(String(value), name, 1) > availableParallelism()) {
    throw fail(
      `A settings file beside a spec may ask for the host's ${availableParallelism()} CPUs at most.`,
    );
  }
}

const kindNames: Readonly<Record<Option["kind"], string>> = {
  flag: "true or false",
  count: "a number from 0 to 9",
  value: "a text or a number",
  values: "a list of texts, or an object of texts by their names",
};

/** Undefined for a value of a wrong kind. */
function valueOf(value: unknown, { kind }: Option): SettingValue | undefined {
  const isText = (each: unknown): each is string | number =>
    typeof each === "string" || (typeof each === "number" && Number.isFinite(each));
  switch (kind) {
    case "flag":
      return typeof value === "boolean" ? value : undefined;
    case "count":
      return typeof value === "number" && /^\d$/.test(String(value)) ? value : undefined;
    case "value":
      return isText(value) ? String(value) : undefined;
    case "values": {
      if (isText(value)) return [String(value)];
      if (Array.isArray(value)) return value.every(isText) ? value.map(String) : undefined;
      if (!isRecord(value) || !Object.values(value).every(isText)) return undefined;
      return Object.entries(value).map(([name, each]) => `${name}=${String(each)}`);
    }
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
