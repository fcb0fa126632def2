import type { ErrorCode } from "@ob/core";
import type { Interrupt } from "./signals.ts";

/** The exit codes of `obuilder`; they are part of its interface, see docs/cli.md. */
export const exitCodes = {
  ok: 0,
  stepFailed: 1,
  usage: 2,
  badSpec: 3,
  failure: 4,
  /** As timeout(1) has it. */
  timeout: 124,
} as const;

/** Ended by a signal: 128 plus its number, as shells report it. */
const interruptCodes: Readonly<Record<Interrupt, number>> = {
  SIGHUP: 129,
  SIGINT: 130,
  SIGPIPE: 141,
  SIGTERM: 143,
};

export function interruptCode(interrupt: Interrupt): number {
  return interruptCodes[interrupt];
}

const codes: Readonly<Record<ErrorCode, number>> = {
  STEP_FAILED: exitCodes.stepFailed,
  TIMEOUT: exitCodes.timeout,
  USAGE: exitCodes.usage,
  BAD_SPEC: exitCodes.badSpec,
  CANCELLED: interruptCodes.SIGINT,
  BAD_SOURCE: exitCodes.failure,
  BAD_SECRET: exitCodes.failure,
  STORE: exitCodes.failure,
  NO_SUCH_LAYER: exitCodes.failure,
  LAYER_BUSY: exitCodes.failure,
  BASE_IMAGE: exitCodes.failure,
  MISSING_TOOL: exitCodes.failure,
  TOOL_FAILED: exitCodes.failure,
  NO_SPACE: exitCodes.failure,
  BOOT_FAILED: exitCodes.failure,
  LOGIN_FAILED: exitCodes.failure,
  WRONG_MACHINE: exitCodes.failure,
  GUEST_LOST: exitCodes.failure,
  UNCLEAN_STOP: exitCodes.failure,
  CACHE: exitCodes.failure,
  REGISTRY: exitCodes.failure,
  UNSUPPORTED: exitCodes.failure,
};

/** The exit code for an error; an error without a code is a bug, and counts as `failure`. */
export function exitCodeFor(code: ErrorCode | undefined): number {
  return code === undefined ? exitCodes.failure : codes[code];
}

/** What each exit code means, for help and man pages. */
export const exitCodeLines: readonly (readonly [code: string, meaning: string])[] = [
  ["0", "success"],
  ["1", "a step of the build failed"],
  ["2", "the command line is wrong"],
  ["3", "the spec is wrong"],
  ["4", "any other failure: the store, an image, QEMU, ..."],
  ["124", "a time limit was exceeded"],
  ["130", "cancelled by Ctrl-C (143 by SIGTERM)"],
];

/** The paragraph that every command's help ends with. */
export const exitCodesHelp = `Exit codes:\n${exitCodeLines.map(([code, meaning]) => `  ${code.padEnd(5)}${meaning}`).join("\n")}`;
