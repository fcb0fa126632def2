import { globSync, readFileSync } from "node:fs";
import path from "node:path";

export const repository = path.resolve(import.meta.dirname, "../../../..");

/** The Markdown files for users and contributors, as paths from the repository's root. */
export const documents: readonly string[] = globSync(
  [
    ...[
      "*.md",
      "docs/*.md",
      "docs/decisions/*.md",
      "packages/*/README.md",
      "images/README.md",
      "bench/README.md",
    ],
    "examples/*/README.md",
    "editors/*/README.md",
  ],
  { cwd: repository },
).toSorted();

/** A fenced code block. */
export interface CodeBlock {
  readonly document: string;
  /** The word behind the opening fence; empty if there is none. */
  readonly language: string;
  readonly code: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

export function textOf(document: string): string {
  return readFileSync(path.join(repository, document), "utf8");
}

export function blocksOf(document: string): readonly CodeBlock[] {
  const text = textOf(document);
  return [...text.matchAll(/^```([a-z]*)\n(.*?)^```$/gms)].map(
    ({ 1: language = "", 2: code = "", index }) => ({
      document,
      language,
      code,
      line: text.slice(0, index).split("\n").length,
    }),
  );
}

/** What is between backticks in a document's sentences and tables. A table writes `|` as `\|`. */
export function spansOf(document: string): readonly string[] {
  const prose = textOf(document).replaceAll(/^```.*?^```$/gms, "");
  return [...prose.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span.replaceAll(/\s+/g, " "));
}

/**
 * The command lines of a block, each as words: without comments and the prompt, up to a pipe or redirection, and without
 * the ellipsis that replaces arguments. A backslash continues a line.
 */
export function commandsIn(code: string): readonly (readonly string[])[] {
  return code
    .replaceAll(/\\\n/g, " ")
    .split("\n")
    .map((line) => wordsOf(line.replace(/(^|\s+)#.*$/, "").replace(/^\$ /, "")))
    .filter((words) => words.length > 0);
}

export function wordsOf(line: string): readonly string[] {
  const [first = ""] = line.replaceAll(/\$\(.*?\)/g, "OUTPUT").split(/ [|<>] /);
  const words = first.match(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g) ?? [];
  return words.filter((word) => !/^(\.\.\.|…)$/.test(word)).map((word) => word.replaceAll(/["']/g, ""));
}

/** The arguments of `obuilder` in a command line; undefined if it is another program's. */
export function obuilderArguments(words: readonly string[]): readonly string[] | undefined {
  const [program, ...rest] = words[0] === "npx" ? withoutNpx(words) : words;
  return program === "obuilder" ? rest : undefined;
}

function withoutNpx(words: readonly string[]): readonly string[] {
  return words[1] === "--prefix" ? words.slice(3) : words.slice(1);
}
