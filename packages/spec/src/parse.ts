import type { Spec } from "./ast.ts";
import { kindOf } from "./check-arguments.ts";
import { fromBytes } from "./byte-text.ts";
import { type Decoded, decodeSpec } from "./decode.ts";
import { copyField, headOf } from "./fields.ts";
import { alternatives, didYouMean, showAtom } from "./near-name.ts";
import type { Problem, Report } from "./problem.ts";
import { parseExpressions } from "./sexp-parser.ts";
import type { ListNode, Node } from "./sexp-tree.ts";
import type { SourceText } from "./source-text.ts";
import { renderProblem, SpecError } from "./spec-error.ts";
import { type SpecSource, specSource } from "./spec-source.ts";
import type { Reading } from "./token-reader.ts";
import { type UnknownBuild, unknownBuilds } from "./validate.ts";
import { warningsOf } from "./warnings.ts";

export interface ParseOptions {
  /** The name of the text in errors; by default `<spec>`. */
  readonly file?: string | undefined;
  readonly onWarning?: ((text: string) => void) | undefined;
}

/** A spec, and where each of its parts is in the text. */
export interface ParsedSpec {
  readonly spec: Spec;
  readonly source: SpecSource;
}

/**
 * Parses a spec.
 *
 * @param options.onWarning gets each thing that is valid, but probably not meant: the position, the line and what to write.
 * @throws {SpecError} with all errors: syntax, ops and fields, and unknown builds.
 * @throws {TypeError} if the arguments are not of these types.
 */
export function parseSpec(text: string | Uint8Array, options: ParseOptions = {}): Spec {
  return parseSpecWithSource(text, options).spec;
}

/** As `parseSpec`, for a caller who reports where in the text an op is. */
export function parseSpecWithSource(given: string | Uint8Array, options: ParseOptions = {}): ParsedSpec {
  const source = checkArguments(given, options);
  const problems: Problem[] = [];
  const decoded = readSpec(source.text, (problem) => {
    if (problems.length < keptProblems) problems.push(problem);
  });
  if (decoded === undefined || problems.length > 0) throw new SpecError(source, problems);
  const { spec, origins } = decoded;
  if (options.onWarning) {
    for (const warning of warningsOf(origins).slice(0, keptWarnings)) {
      options.onWarning(renderProblem(source, warning));
    }
  }
  return { spec, source: specSource(source, origins) };
}

/** A caller from JavaScript has no compiler. */
function checkArguments(text: unknown, options: unknown): SourceText {
  if (typeof text !== "string" && !(text instanceof Uint8Array)) {
    throw new TypeError(`parseSpec takes the text of a spec, a string or a Uint8Array, not ${kindOf(text)}.`);
  }
  const named = typeof options === "object" && options !== null;
  const file: unknown = named && "file" in options ? options.file : undefined;
  if (!named || (file !== undefined && typeof file !== "string")) {
    throw new TypeError(
      `parseSpec takes { file } with a string as its options, not ${kindOf(named ? file : options)}.`,
    );
  }
  return { file: file ?? "<spec>", text: typeof text === "string" ? text : fromBytes(text) };
}

/** More are not read by anybody. */
const keptWarnings = 20;

/** Further unknown builds are not reported: each is compared with every name in scope. */
const describedUnknowns = 20;

/** Further problems are dropped: no reader needs them, and a damaged file of megabytes can have a million. */
const keptProblems = 200;

/** Reads a spec, and reports what is wrong. Undefined if there is nothing that could be one. */
export function readSpec(text: string, report: Report): Decoded | undefined {
  const encoding = wrongEncoding(text);
  if (encoding !== undefined) report(encoding);
  if (encoding?.fatal === true) return undefined;
  const damaged = new Set<number>();
  const reading = parseExpressions(encoding === undefined ? text : ` ${text.slice(1)}`, (problem) => {
    damaged.add(problem.at.start);
    report(problem);
  });
  const root = rootOf(reading, { report, text, damaged: damaged.size > 0 });
  if (root === undefined) return undefined;
  // Errors after an unclosed string or comment, or in a damaged atom, are only consequences.
  const reportSound: Report = (problem) => {
    if (problem.at.end <= reading.soundUntil && !damaged.has(problem.at.start)) report(problem);
  };
  const decoded = decodeSpec(root, reportSound);
  const { spec, origins } = decoded;
  for (const unknown of unknownBuilds(spec).slice(0, describedUnknowns))
    reportSound(describeUnknown(unknown, origins));
  return decoded;
}

/** The single expression of the text. Reports the first other item at its level. */
function rootOf(
  { nodes, strayClose }: Reading,
  found: { readonly report: Report; readonly text: string; readonly damaged: boolean },
): Node | undefined {
  const [root, second] = nodes;
  if (strayClose !== undefined && (second === undefined || strayClose.start < second.at.start)) {
    found.report({
      at: strayClose,
      message: "this ')' closes nothing",
      notes: root === undefined ? [] : [{ at: endOf(root), message: "the spec ends here already" }],
    });
  } else if (second !== undefined && root?.kind === "list" && !isItem(root)) {
    found.report({
      at: { start: second.at.start, end: second.at.start + 1 },
      message: "a file holds one spec, and this comes after its end",
      hint: isItem(second) ? "is there a ')' too many before it?" : undefined,
      notes: [{ at: endOf(root), message: "the spec ends here" }],
    });
  } else if (root === undefined && !found.damaged) {
    found.report({
      at: { start: 0, end: 0 },
      message:
        found.text.trim() === ""
          ? "the file is empty: expected a spec"
          : "no spec in this file: it holds comments only",
      hint: "the smallest spec is ((from BASE))",
    });
  }
  return root;
}

/** True for `(from BASE)` and the like, which is an item of a spec and not a spec. */
function isItem(node: Node): boolean {
  return headOf(node) !== undefined;
}

function endOf(node: Node): { readonly start: number; readonly end: number } {
  return { start: node.at.end - 1, end: node.at.end };
}

function describeUnknown({ op, name, scope }: UnknownBuild, origins: Decoded["origins"]): Problem {
  const known = alternatives(scope.slice(0, 10).map(showAtom));
  return {
    at: placeOfBuildName(origins.get(op)),
    message: `unknown build ${showAtom(name)}: ${scope.length === 0 ? "no builds come before this" : `expected ${known}`}`,
    hint:
      scope.length === 0 ? `put (build NAME ((from BASE) ...)) before (from ...)` : didYouMean(name, scope),
  };
}

function placeOfBuildName(copy: ListNode | undefined): { readonly start: number; readonly end: number } {
  const from = copy && copyField(copy, "from");
  const build = from?.items[1];
  const name = build?.kind === "list" ? build.items[1] : undefined;
  return (name ?? copy)?.at ?? { start: 0, end: 0 };
}

function wrongEncoding(text: string): (Problem & { readonly fatal: boolean }) | undefined {
  const start = { start: 0, end: 1 };
  if (text.startsWith("\uFEFF")) {
    const message = "the file starts with a byte order mark";
    return { at: start, message, hint: "save it as UTF-8 without one", fatal: false };
  }
  if (/^(?:\uDCFF\uDCFE|\uDCFE\uDCFF)/.test(text)) {
    return { at: start, message: "the file is UTF-16 text", hint: "save it as UTF-8", fatal: true };
  }
  return undefined;
}
