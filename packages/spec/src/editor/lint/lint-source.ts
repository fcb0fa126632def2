import { fromBytes } from "../../byte-text.ts";
import { didYouMean, nearNames, showAtom } from "../../near-name.ts";
import { readSpec } from "../../parse.ts";
import type { Problem, Range } from "../../problem.ts";
import { type Position, positionsIn } from "../../source-text.ts";
import { renderProblem } from "../../spec-error.ts";
import { type DisableComment, disableComments } from "./disable-comments.ts";
import type { Finding, Fix, Severity } from "./rule.ts";
import { rules } from "./rules.ts";
import { lintedSpec } from "./stages.ts";

/** Something in the text of a spec that is wrong, or may be. */
export interface LintProblem extends Problem {
  readonly severity: Severity;
  /** The name of the rule; undefined for an error of the parser, with which the text is not a spec. */
  readonly rule: string | undefined;
  /** What mends it; undefined where that is for its author to decide. */
  readonly fix?: Fix | undefined;
  readonly start: Position;
  readonly end: Position;
}

/** What is known of a rule. */
export interface LintRule {
  readonly name: string;
  readonly severity: Severity;
  /** What it finds, in Markdown. */
  readonly summary: string;
}

/** The name of a comment's rules that do not exist. */
const unknownRule = {
  name: "unknown-rule",
  severity: "warning",
  summary: "a comment that disables a rule that does not exist",
} as const satisfies LintRule;

/** All rules of `lintSource`. */
export const lintRules: readonly LintRule[] = [
  ...rules.map(({ name, severity, summary }) => ({ name, severity, summary })),
  unknownRule,
];

/** More are not read by anybody. */
const keptProblems = 200;

/**
 * Finds what is wrong in a spec, and what is valid but probably not meant. The errors of a text that is not a spec are all that is found in
 * it. A comment `; obuilder-lint-disable RULE...` disables rules for the expression that it is behind, or else for the next one.
 *
 * @returns at most 200 problems, in the order of the text.
 */
export function lintSource(given: string | Uint8Array): readonly LintProblem[] {
  const text = typeof given === "string" ? given : fromBytes(given);
  const errors: Problem[] = [];
  const decoded = readSpec(text, (problem) => {
    if (errors.length < keptProblems) errors.push(problem);
  });
  const found =
    decoded === undefined || errors.length > 0
      ? errors.map((problem) => ({ ...problem, severity: "error" as const, rule: undefined }))
      : findings(text, lintedSpec(text, decoded));
  const position = positionsIn({ file: "", text });
  return found
    .toSorted((a, b) => a.at.start - b.at.start)
    .slice(0, keptProblems)
    .map((problem) => ({ ...problem, start: position(problem.at.start), end: position(problem.at.end) }));
}

/** A problem for people: place, message with the rule's name, line with carets, hint; without a newline at the end. */
export function renderLintProblem(
  problem: LintProblem,
  source: { readonly file: string; readonly text: string | Uint8Array },
): string {
  const text = typeof source.text === "string" ? source.text : fromBytes(source.text);
  const name = problem.rule === undefined ? "" : ` [${problem.rule}]`;
  const prefix = problem.rule === undefined ? "" : `${problem.severity}: `;
  return renderProblem({ file: source.file, text }, { ...problem, message: prefix + problem.message + name });
}

function findings(text: string, linted: ReturnType<typeof lintedSpec>) {
  const comments = disableComments(text);
  const found = rules.flatMap((rule) =>
    [...rule.check(linted)]
      .filter((finding) => !isDisabled(rule.name, finding.at, comments))
      .map((finding) => ({ ...finding, rule: rule.name, severity: rule.severity })),
  );
  const { name: rule, severity } = unknownRule;
  return [...found, ...unknownRules(comments).map((finding) => ({ ...finding, rule, severity }))];
}

function isDisabled(rule: string, at: Range, comments: readonly DisableComment[]): boolean {
  return comments.some(
    ({ rules: named, about }) =>
      about !== undefined &&
      about.start <= at.start &&
      at.end <= about.end &&
      named.some(({ name }) => name === rule),
  );
}

function unknownRules(comments: readonly DisableComment[]): readonly Finding[] {
  const known = lintRules.map(({ name }) => name);
  return comments.flatMap(({ rules: named, at }): readonly Finding[] => {
    if (named.length === 0) {
      return [{ at, message: "no rule is named here", hint: "write ; obuilder-lint-disable RULE" }];
    }
    return named
      .filter(({ name }) => !known.includes(name))
      .map(({ name, at: place }) => ({
        at: place,
        message: `there is no rule ${showAtom(name)}`,
        hint: didYouMean(name, known),
        fix: renamed(place, nearNames(name, known)),
      }));
  });
}

/** Only if no other name can be meant. */
function renamed(at: Range, [near, ...others]: readonly string[]): Fix | undefined {
  if (near === undefined || others.length > 0) return undefined;
  return { title: `Write ${near}`, edits: [{ at, text: near }] };
}
