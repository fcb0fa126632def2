import type { Range } from "../../problem.ts";
import { parseExpressions } from "../../sexp-parser.ts";
import type { Node } from "../../sexp-tree.ts";
import { formatSource } from "../format/format-source.ts";
import { type LintProblem, lintSource } from "../lint/lint-source.ts";
import { type Completion, type CompletionOptions, completionsAt } from "./completion.ts";
import { type Cursor, cursorAt } from "./cursor.ts";
import { keywordDocs } from "./keyword-docs.ts";
import { baseOf, findBuild } from "./scope.ts";
import { type SpecSymbol, symbolsOf } from "./symbols.ts";

/** A text that explains a part of a spec. */
export interface Hover {
  readonly at: Range;
  /** In Markdown. */
  readonly text: string;
}

/** The text of a spec in an editor, with errors or without. Offsets are in UTF-16 units. */
export interface SpecDocument {
  readonly text: string;
  problems(): readonly LintProblem[];
  /** What the word at an offset means; undefined if nothing is known of it. */
  hover(offset: number): Hover | undefined;
  completions(offset: number, options?: CompletionOptions): readonly Completion[];
  /** Where the name of the build is that is copied from at an offset. */
  definition(offset: number): Range | undefined;
  symbols(): readonly SpecSymbol[];
  /** The formatted text. @throws {SpecError} if the text is not a spec. */
  format(): string;
}

export function openDocument(text: string): SpecDocument {
  let nodes: readonly Node[] | undefined;
  const read = (): readonly Node[] => (nodes ??= parseExpressions(text, () => {}).nodes);
  const cursor = (offset: number): Cursor | undefined => cursorAt(text, read(), offset);
  return {
    text,
    problems: () => lintSource(text),
    hover: (offset) => hoverAt(cursor(offset)),
    completions: (offset, options) => completionsAt(text, { nodes: read(), offset }, options),
    definition: (offset) => buildAt(cursor(offset))?.name.at,
    symbols: () => symbolsOf(read()),
    format: () => formatSource(text),
  };
}

function hoverAt(cursor: Cursor | undefined): Hover | undefined {
  const role = cursor?.lists.at(-1)?.role;
  if (cursor?.atom === undefined || role === undefined) return undefined;
  const { at } = cursor.atom;
  const build = buildAt(cursor);
  if (build !== undefined) {
    const base = baseOf(build.node.items[2]);
    return {
      at,
      text: codeBlock(`(build ${build.name.text} ${base === undefined ? "…" : `((from ${base}) …)`})`),
    };
  }
  const doc = cursor.index === 0 && Object.hasOwn(keywordDocs, role) ? keywordDocs[role] : undefined;
  return doc && { at, text: `${codeBlock(doc.form)}\n\n${doc.text}` };
}

/** The build that the name at the cursor stands for. */
function buildAt(cursor: Cursor | undefined) {
  const isName = cursor?.lists.at(-1)?.role === "copy.from.build" && cursor.index === 1;
  if (!isName || cursor?.atom?.kind !== "atom") return undefined;
  return findBuild(cursor.lists, cursor.atom.text);
}

/** A name may have backquotes, and could end the block. */
function codeBlock(code: string): string {
  return `\`\`\`obuilder\n${code.replaceAll(/\n|`{3,}/g, " ")}\n\`\`\``;
}
