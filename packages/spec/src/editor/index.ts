export { formatSource } from "./format/format-source.ts";
export {
  type LintProblem,
  type LintRule,
  lintRules,
  lintSource,
  renderLintProblem,
} from "./lint/lint-source.ts";
export { type FixedSource, fixSource } from "./lint/fix-source.ts";
export type { Edit, Fix, Severity } from "./lint/rule.ts";
export type { Note, Problem, Range } from "../problem.ts";
export type { Position } from "../source-text.ts";
export type { Completion, CompletionOptions } from "./language/completion.ts";
export { type Hover, openDocument, type SpecDocument } from "./language/spec-document.ts";
export type { SpecSymbol } from "./language/symbols.ts";
