export { formatSource } from "./format/format-source.ts";
export {
  type LintProblem,
  type LintRule,
  lintRules,
  lintSource,
  renderLintProblem,
} from "./lint/lint-source.ts";
export type { Severity } from "./lint/rule.ts";
export type { Note, Problem, Range } from "../problem.ts";
export type { Position } from "../source-text.ts";
