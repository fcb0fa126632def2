import { type ErrorCode, isObError, errorMessage, type SpecLocation } from "@ob/core";
import { cleanLine } from "./clean-output.ts";
import type { Palette } from "./colors.ts";
import { commandLineHint } from "./hints.ts";
import { printable, printableLine } from "./printable.ts";

/** An error of @ob/spec, which imports no other package: its errors are known by their code. */
interface SpecErrorLike extends Error {
  readonly code: "BAD_SPEC";
  readonly hint?: string;
  readonly file?: string;
  readonly diagnostics?: readonly { readonly position: { readonly line: number; readonly column: number } }[];
}

function isSpecError(error: unknown): error is SpecErrorLike {
  return error instanceof Error && "code" in error && error.code === "BAD_SPEC";
}

/** The code of an expected error; undefined for a bug. */
export function codeOf(error: unknown): ErrorCode | undefined {
  if (isObError(error)) return error.code;
  return isSpecError(error) ? "BAD_SPEC" : undefined;
}

/** The hint of an expected error. */
export function hintOf(error: unknown): string | undefined {
  if (isObError(error)) return commandLineHint(error);
  return isSpecError(error) ? error.hint : undefined;
}

/** Where in the spec an error is: that of its first mistake, if it has several. */
export function placeOf(error: unknown): SpecLocation | undefined {
  if (isObError(error)) return error.at;
  if (!isSpecError(error)) return undefined;
  const [first] = error.diagnostics ?? [];
  return first && { file: error.file ?? "", ...first.position };
}

export interface RenderOptions {
  readonly colors: Palette;
  /** Adds the causes, and the stack of a bug. */
  readonly verbose: boolean;
  /** The command, for the pointer to its help. */
  readonly command?: string | undefined;
}

/** What is printed on standard error for `error`: a paragraph and a hint, ending with a newline. */
export function renderError(error: unknown, options: RenderOptions): string {
  const { colors, verbose } = options;
  const lines = [paragraph(error, colors), ...stepLines(error)];
  const hint = hintOf(error);
  if (hint !== undefined && !errorMessage(error).includes(hint))
    lines.push(`${colors.bold("Hint:")} ${printable(hint)}`);
  if (codeOf(error) === "USAGE") {
    const command = options.command === undefined ? "" : ` ${options.command}`;
    lines.push(`Try 'obuilder${command} --help' for more information.`);
  }
  if (codeOf(error) === undefined) {
    lines.push(
      "This is a bug in obuilder. Please report it, with the command line, the spec and what -v prints.",
    );
  }
  if (verbose) lines.push(...details(error));
  return `${lines.join("\n")}\n`;
}

function paragraph(error: unknown, colors: Palette): string {
  const message = printable(errorMessage(error).trimEnd());
  if (isObError(error) && error.at && !error.step) return placed(error.at, message);
  const code = codeOf(error);
  // Begins with FILE:LINE:COLUMN, which editors look for at the start of a line.
  if (code === "BAD_SPEC") return message;
  // The next two are as in the original.
  if (code === "CANCELLED") return "Cancelled at user's request";
  if (code === "STEP_FAILED") return `${colors.red("Build step failed:")} ${message}`;
  if (code === undefined) return `${colors.red("obuilder: internal error:")} ${message}`;
  return `${colors.red("obuilder:")} ${message}`;
}

/** `FILE:LINE:COLUMN: TEXT`, which editors look for at the start of a line, and the line itself. */
function placed({ file, line, column, excerpt = "" }: SpecLocation, text: string): string {
  return `${printableLine(file)}:${line}:${column}: ${text}${excerpt === "" ? "" : `\n${printable(excerpt)}`}`;
}

/** Which step failed, where it is in the spec, and what it printed last. */
function stepLines(error: unknown): readonly string[] {
  if (!isObError(error) || !error.step) return [];
  const { at, step } = error;
  const { id, heading, build, output } = step;
  const shown = printable(heading);
  const lines = [at ? placed({ ...at, excerpt: "" }, shown) : shown];
  if (build.length > 0) lines.push(`  in ${build.map((name) => `(build ${atom(name)} …)`).join(" ")}`);
  lines.push(`  id ${id}`);
  if (output === "") return [...lines, "  It printed nothing."];
  const last = output.split("\n").map((line) => `    ${cleanLine(line, { styles: false })}`);
  return [...lines, "  The last lines of its output:", ...last];
}

function atom(name: string): string {
  return /^[\w.+-]+$/.test(name) ? name : printableLine(JSON.stringify(name));
}

/** The chain of causes, and the stack of a bug. */
function details(error: unknown): readonly string[] {
  const lines: string[] = [];
  if (codeOf(error) === undefined && error instanceof Error && error.stack !== undefined) {
    lines.push(printable(error.stack));
  }
  let cause = error instanceof Error ? error.cause : undefined;
  for (let depth = 0; cause !== undefined && depth < 5; depth++) {
    lines.push(`Caused by: ${printable(errorMessage(cause))}`);
    cause = cause instanceof Error ? cause.cause : undefined;
  }
  return lines;
}
