import { didYouMean, ObError } from "@ob/core";
import { foreignOptionHint } from "./foreign-names.ts";

/** An option of a command. */
export interface Option {
  /** `count` is a flag that may be repeated; `values` takes one value each time it is given. */
  readonly kind: "flag" | "count" | "value" | "values";
  /** The name of the value in the help. */
  readonly value?: string;
  /** Its one-letter form. */
  readonly short?: string;
  readonly describe: string;
  /** The heading in the help. */
  readonly group: string;
  /** Accepted, but not shown in the help. */
  readonly hidden?: boolean;
  /** What its value can be, for completion. By default a file for a value FILE, a directory for DIR, else nothing. */
  readonly complete?: Completes;
}

/** What a shell completes a value or an argument with: what the store has, files, or fixed words. */
export type Completes =
  | "build"
  | "cache"
  | "directory"
  | "file"
  | "image"
  | "layer"
  | "layer-path"
  | "recipe"
  | "tag"
  | readonly string[];

/** The options of a command, by the long name; one of a single letter has no other. */
export type OptionTable = Readonly<Record<string, Option>>;

export function takesValue(option: Option | undefined): boolean {
  return option?.kind === "value" || option?.kind === "values";
}

/**
 * Normalises the arguments of a command: `--name=value` for each option with a value, `--name` for each other.
 * Options are read as the original reads them: `--name VALUE`, `--name=VALUE`, `-fVALUE`, `-vv`, any unambiguous
 * prefix of a name, and repeated only where an option allows it. yargs itself would guess, and would not suggest a name
 * for a mistyped one.
 *
 * @throws ObError `USAGE`.
 */
export function normalizeFlags(argv: readonly string[], options: OptionTable): string[] {
  const words: string[] = [];
  const seen = new Set<string>();
  const rest = [...argv];

  const add = (name: string, written: string, value: string | undefined) => {
    const option = options[name];
    if (!takesValue(option)) {
      words.push(`--${name}`);
      return;
    }
    if (seen.has(name) && option?.kind !== "values") throw usage(`Option ${written} cannot be repeated.`);
    seen.add(name);
    const given = value ?? rest.shift();
    if (given === undefined) throw usage(`Option ${written} needs a value.`);
    words.push(`--${name}=${given}`);
  };

  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    if (word === "--") return [...words, word, ...rest];
    if (word.startsWith("--")) {
      const [, written = word, value] = /^(--[^=]*)(?:=(.*))?$/s.exec(word) ?? [];
      const name = findLong(written, options);
      // The original's --help=FMT: there is one format here.
      if (value !== undefined && !takesValue(options[name]) && name !== "help") {
        throw usage(`Option ${written} is a flag and takes no value.`);
      }
      add(name, written, value);
    } else if (word.startsWith("-") && word !== "-") {
      let letters = word.slice(1);
      while (letters !== "") {
        const name = findShort(letters.slice(0, 1), options);
        const valued = takesValue(options[name]);
        const attached = letters.slice(1).replace(/^=/, "");
        add(name, `-${letters.slice(0, 1)}`, valued && attached !== "" ? attached : undefined);
        letters = valued ? "" : letters.slice(1);
      }
    } else {
      words.push(word);
    }
  }
  return words;
}

const usage = (message: string, hint?: string) => new ObError("USAGE", message, { hint });

function findLong(written: string, options: OptionTable): string {
  const name = written.slice(2);
  if (Object.hasOwn(options, name) && name.length > 1) return name;
  const longNames = Object.keys(options).filter((option) => option.length > 1);
  const matches = longNames.filter((option) => option.startsWith(name));
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return only;
  if (matches.length > 1) {
    const list = matches.map((match) => `--${match}`).join(", ");
    throw usage(`Option ${written} is ambiguous: it can be ${list}.`);
  }
  const foreign = foreignBackend(name);
  if (foreign !== undefined) {
    throw usage(
      `Option ${written} belongs to the ${foreign} backend; this obuilder supports QEMU only.`,
      "Omit it.",
    );
  }
  throw usage(
    `Unknown option ${written}.`,
    foreignOptionHint(name) ??
      didYouMean(
        written,
        longNames.map((option) => `--${option}`),
      ),
  );
}

function findShort(letter: string, options: OptionTable): string {
  for (const [name, option] of Object.entries(options)) {
    if (name === letter || option.short === letter) return name;
  }
  throw usage(`Unknown option -${letter}.`);
}

/** The original's backend that an option of the original belongs to. */
function foreignBackend(name: string): string | undefined {
  if (name.startsWith("docker-")) return "Docker";
  if (name.startsWith("hcs-")) return "HCS";
  if (name.startsWith("rsync-")) return "rsync";
  return ["uid", "fallback-library-path", "scoreboard-dir"].includes(name) ? "macOS" : undefined;
}
