import { findAction, optionsOf } from "../args/actions.ts";
import { type Completes, type Option, type OptionTable, takesValue } from "../args/flags.ts";
import { commonOptions } from "../args/options.ts";
import type { Command, Positional } from "../commands/command.ts";
import { commands } from "../commands/registry.ts";
import type { Candidate, FindNames } from "./candidate.ts";

export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly paths?: "files" | "directories" | undefined;
}

/**
 * Completes the last word of a command line, given without the name of the program.
 *
 * @param words as the shell would pass them; the last can be empty.
 */
export async function complete(words: readonly string[], findNames: FindNames): Promise<Completion> {
  const before = words.slice(0, -1);
  const current = words.at(-1) ?? "";
  const { completion, store } = await place(before, current);
  const { candidates, paths } = await resolve(completion, { current, store, findNames });
  return { candidates: candidates.filter(({ word }) => word.startsWith(current) && isSafe(word)), paths };
}

/** What stands at the cursor, before names are looked up. */
interface Wanted {
  readonly completes?: Completes | undefined;
  readonly candidates?: readonly Candidate[];
  /** What stands before the value in the same word, such as `--progress=`. */
  readonly prefix?: string;
}

interface Place {
  readonly completion: Wanted;
  readonly store?: string | undefined;
}

async function place(before: readonly string[], current: string): Promise<Place> {
  const at = before.findIndex((word) => !word.startsWith("-"));
  const name = before[at];
  if (name === undefined) {
    const completion = {
      candidates: current.startsWith("-") ? optionWords(commonOptions, []) : commandNames(),
    };
    return { completion };
  }
  if (name === "help") return { completion: await helpTopics(before.slice(at + 1)) };
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (entry === undefined) return { completion: {} };
  const command = await entry.load();
  return placeInCommand(command, { before: before.toSpliced(at, 1), current });
}

function placeInCommand(
  command: Command,
  { before, current }: { readonly before: readonly string[]; readonly current: string },
): Place {
  const all = { ...command.options, ...commonOptions };
  const read = readWords(before, all);
  const found = findAction(command, read.positionals[0]);
  const options = found ? optionsOf({ ...command, options: all }, found.action) : all;
  const at = (completion: Wanted): Place => ({ completion, store: read.values.get("store") });
  if (read.ended) return at({ completes: "file" });
  if (read.pending !== undefined) return at({ completes: completesOf(read.pending) });

  const [, written = "", value] = /^--([^=]+)=(.*)$/s.exec(current) ?? [];
  const option = options[written];
  if (value !== undefined && option) return at({ completes: completesOf(option), prefix: `--${written}=` });
  if (current.startsWith("-")) return at({ candidates: optionWords(options, read.given) });

  const index = read.positionals.length;
  if (command.actions && index === 0) return at({ candidates: actionNames(command) });
  const positionals: readonly Positional[] = found ? found.action.positionals : command.positionals;
  return at({ completes: (positionals[found ? index - 1 : index] ?? command.rest)?.complete });
}

interface ReadWords {
  readonly positionals: readonly string[];
  /** The long names of the options that are given. */
  readonly given: readonly string[];
  readonly values: ReadonlyMap<string, string>;
  /** The option whose value comes next. */
  readonly pending: Option | undefined;
  /** `--` has been given. */
  readonly ended: boolean;
}

/** Reads the words of a command line that need not be right. */
function readWords(words: readonly string[], options: OptionTable): ReadWords {
  const positionals: string[] = [];
  const given: string[] = [];
  const values = new Map<string, string>();
  let pending: string | undefined;
  for (const word of words) {
    if (pending !== undefined) {
      values.set(pending, word);
      pending = undefined;
      continue;
    }
    if (word === "--") return { positionals, given, values, pending, ended: true };
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const { name, value } = splitOption(word, options);
    if (name === undefined) continue;
    given.push(name);
    if (value !== undefined) values.set(name, value);
    else if (takesValue(options[name])) pending = name;
  }
  return {
    positionals,
    given,
    values,
    pending: pending === undefined ? undefined : options[pending],
    ended: false,
  };
}

/** The option that a word gives, and its value if the word has it. */
function splitOption(
  word: string,
  options: OptionTable,
): { readonly name: string | undefined; readonly value: string | undefined } {
  const [, long, value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
  if (long !== undefined) return { name: Object.hasOwn(options, long) ? long : undefined, value };
  const letters = Array.from(word.slice(1));
  const index = letters.findIndex((letter) => takesValue(options[ofLetter(letter, options) ?? ""]));
  if (index === -1) return { name: ofLetter(letters[0] ?? "", options), value: undefined };
  const attached = letters
    .slice(index + 1)
    .join("")
    .replace(/^=/, "");
  return { name: ofLetter(letters[index] ?? "", options), value: attached === "" ? undefined : attached };
}

function ofLetter(letter: string, options: OptionTable): string | undefined {
  return Object.entries(options).find(([name, { short }]) => name === letter || short === letter)?.[0];
}

function completesOf({ complete: completes, value = "" }: Option): Completes | undefined {
  if (completes !== undefined) return completes;
  if (value === "FILE") return "file";
  return value === "DIR" ? "directory" : undefined;
}

/** The options that can still be given. A value follows `--name=`; a single letter takes it as the next word. */
function optionWords(options: OptionTable, given: readonly string[]): readonly Candidate[] {
  return Object.entries(options)
    .filter(([name, { hidden = false, kind }]) => {
      const again = kind === "values" || kind === "count";
      return !hidden && (again || !given.includes(name));
    })
    .map(([name, option]) => ({
      word: name.length === 1 ? `-${name}` : `--${name}${takesValue(option) ? "=" : ""}`,
      description: option.describe,
    }));
}

function commandNames(): readonly Candidate[] {
  return Object.entries(commands)
    .filter(([, { alias = false }]) => !alias)
    .map(([word, { summary }]) => ({ word, description: summary }));
}

function actionNames({ actions = {} }: Command): readonly Candidate[] {
  return Object.entries(actions).map(([word, { summary }]) => ({ word, description: summary }));
}

async function helpTopics(before: readonly string[]): Promise<Wanted> {
  const [name = "", ...more] = before;
  if (before.length === 0) return { candidates: commandNames() };
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return more.length > 0 || !entry ? {} : { candidates: actionNames(await entry.load()) };
}

interface ResolveOptions {
  readonly current: string;
  readonly store: string | undefined;
  readonly findNames: FindNames;
}

async function resolve(
  { completes, candidates = [], prefix = "" }: Wanted,
  { current, store, findNames }: ResolveOptions,
): Promise<Completion> {
  const prefixed = (found: readonly Candidate[], suffix = "") =>
    found.map(({ word, description }) => ({ word: `${prefix}${word}${suffix}`, description }));
  if (completes === undefined) return { candidates };
  if (typeof completes !== "string") return { candidates: prefixed(completes.map((word) => ({ word }))) };
  switch (completes) {
    case "file":
      return { candidates: [], paths: "files" };
    case "directory":
      // The store is written qemu:DIR.
      if (store === undefined && prefix === "--store=" && !current.startsWith("--store=qemu:")) {
        return { candidates: [{ word: "--store=qemu:" }] };
      }
      return { candidates: [], paths: "directories" };
    case "layer-path":
      return current.includes(":/")
        ? { candidates: [] }
        : { candidates: prefixed(await findNames("layer", store), ":") };
    case "recipe":
      return { candidates: prefixed(await findNames(completes, store)), paths: "directories" };
    case "build":
    case "cache":
    case "image":
    case "layer":
    case "tag":
      return { candidates: prefixed(await findNames(completes, store)) };
  }
}

/** True for a word that no shell gives another meaning: names of files in a store can be anything. */
function isSafe(word: string): boolean {
  return /^[\w.@%+=:,/-]+$/.test(word);
}
