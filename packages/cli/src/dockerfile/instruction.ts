import { Env, type Instruction, ModifiableInstruction, Run } from "dockerfile-ast";
import { Refused } from "./refusal.ts";

/** One instruction of a Dockerfile. */
export interface DockerInstruction {
  /** From 1. */
  readonly line: number;
  /** The last line that it is on, from 1. */
  readonly lastLine: number;
  /** In capitals. */
  readonly keyword: string;
  /** What is after the keyword and the flags, as it is written. */
  readonly text: string;
  /** The words of `text` without backslashes at the ends of lines. */
  readonly words: readonly string[];
  readonly flags: readonly { readonly name: string; readonly value: string }[];
  /** The strings of a JSON array; undefined if it is in the other form. */
  readonly json: readonly string[] | undefined;
  /** The variables that ENV sets. */
  readonly properties: readonly { readonly name: string; readonly value: string | undefined }[];
  readonly hasHeredoc: boolean;
}

export function dockerInstruction(from: Instruction): DockerInstruction {
  const text = from.getRawArgumentsContent() ?? "";
  const { start, end } = from.getRange();
  const flags = from instanceof ModifiableInstruction ? from.getFlags() : [];
  const properties = from instanceof Env ? from.getProperties() : [];
  return {
    line: start.line + 1,
    lastLine: end.line + 1,
    keyword: from.getKeyword().toUpperCase(),
    text,
    words: from.getArguments().map((argument) => argument.getValue()),
    flags: flags.map((flag) => ({ name: flag.getName(), value: flag.getValue() ?? "" })),
    json: jsonStrings(text),
    properties: properties.map((each) => ({ name: each.getName(), value: each.getValue() ?? undefined })),
    hasHeredoc:
      from instanceof Run
        ? from.getHeredocs().length > 0
        : /<<-?["']?\w/.test(text) && from.getKeyword() !== "ENV",
  };
}

/** As Docker reads it: what is not an array of strings is in the form of a shell. */
function jsonStrings(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text.replaceAll(/\\\r?\n/g, ""));
    const isArray = Array.isArray(value) && value.every((each) => typeof each === "string");
    return isArray ? value : undefined;
  } catch {
    return undefined;
  }
}

/** @throws Refused for a flag that is not among `names`. */
export function checkFlags({ keyword, flags }: DockerInstruction, names: readonly string[]): void {
  const other = flags.find(({ name }) => !names.includes(name));
  if (other !== undefined) throw new Refused(`a spec has nothing for ${keyword} --${other.name}`);
}

/** @throws Refused for what Docker expands: a spec does not. */
export function checkLiteral(text: string): void {
  const [found] = /\$(?:\w+|\{[^}]*\}?)/.exec(text) ?? [];
  if (found !== undefined)
    throw new Refused(`${found} is expanded by Docker, and a spec expands nothing there`, "write its value");
}
