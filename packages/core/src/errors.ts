import type { FailedStep, SpecLocation } from "./spec-location.ts";

/**
 * The kind of failure. A caller acts on the code, a person reads the message and the hint.
 * `cli` maps each code to an exit code.
 */
export type ErrorCode =
  /** A command of a step ended with a status other than 0. */
  | "STEP_FAILED"
  /** A step or a build took longer than the caller allows. */
  | "TIMEOUT"
  /** The caller's AbortSignal fired. */
  | "CANCELLED"
  /** The spec does not parse, decode or validate. */
  | "BAD_SPEC"
  /** A flag, argument or option is wrong. */
  | "USAGE"
  /** The source directory, or something that `copy` names in it, is missing or cannot be copied. */
  | "BAD_SOURCE"
  /** A secret was requested and not given, or cannot be read. */
  | "BAD_SECRET"
  /** The store is missing, of an unknown kind, not writable, or damaged. */
  | "STORE"
  /** The store has no layer of that id. */
  | "NO_SUCH_LAYER"
  /** A layer is held by a running build, or others are built on it. */
  | "LAYER_BUSY"
  /** There is no base image of that name, or it is not a valid qcow2 file. */
  | "BASE_IMAGE"
  /** A program on the host is not installed. */
  | "MISSING_TOOL"
  /** A program on the host ended with a status other than 0. */
  | "TOOL_FAILED"
  /** The host's disk is full. */
  | "NO_SPACE"
  /** The guest did not answer in time, or QEMU ended before it did. */
  | "BOOT_FAILED"
  /** The guest answered but refused the login. */
  | "LOGIN_FAILED"
  /** Another machine answers in place of the one that was started. */
  | "WRONG_MACHINE"
  /** The guest died, hung or lost its connection during a step. */
  | "GUEST_LOST"
  /** The guest could not be stopped cleanly, so its disk cannot be kept. */
  | "UNCLEAN_STOP"
  /** A cache disk cannot be made, mounted or published. */
  | "CACHE"
  /** A registry cannot be reached, refuses the request, or sends what it must not. `data.registry` names it. */
  | "REGISTRY"
  /** The request is valid, but this guest, machine or version cannot do it. */
  | "UNSUPPORTED";

export interface ObErrorOptions {
  /** What the reader can do about it; one or two sentences. */
  readonly hint?: string | undefined;
  /** The error underneath, if there is one. */
  readonly cause?: unknown;
  /** The exit status of the step's command, for `STEP_FAILED`. */
  readonly exitCode?: number | undefined;
  /** The place in the spec that the error is about. */
  readonly at?: SpecLocation | undefined;
  /** The step that the error ended, if one was running. */
  readonly step?: FailedStep | undefined;
  /** Facts for a program that adds its own commands or options to the hint, for example the id of a missing secret. */
  readonly data?: Readonly<Record<string, string>> | undefined;
}

const brand: unique symbol = Symbol.for("@ob/core.ObError");

/**
 * The one error type of all packages. The message says what failed, on what, with the tool's last lines;
 * the hint says what to do.
 */
export class ObError extends Error {
  override readonly name = "ObError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly exitCode: number | undefined;
  readonly at: SpecLocation | undefined;
  readonly step: FailedStep | undefined;
  readonly data: Readonly<Record<string, string>> | undefined;
  readonly [brand] = true;

  /** One of another copy of this package counts too: the bundled command has one, and what a recipe imports another. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && brand in value;
  }

  constructor(code: ErrorCode, message: string, options: ObErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.exitCode = options.exitCode;
    this.at = options.at;
    this.step = options.step;
    this.data = options.data;
  }
}

/** The same error with more facts. Its causes are those of `error`. */
export function withFacts(error: ObError, facts: Pick<ObErrorOptions, "at" | "step">): ObError {
  const { code, message, hint, cause, exitCode, data } = error;
  const at = error.at ?? facts.at;
  const step = error.step ?? facts.step;
  const more = new ObError(code, message, { hint, cause, exitCode, data, at, step });
  // Where it was thrown, to find a bug.
  if (error.stack !== undefined) more.stack = error.stack;
  return more;
}

/** True if `error` is an `ObError`, of one of the codes if any are given. */
export function isObError(error: unknown, ...codes: readonly ErrorCode[]): error is ObError {
  return error instanceof ObError && (codes.length === 0 || codes.includes(error.code));
}

/** The error that every wait throws when its signal fires. */
export function cancelledError(signal?: AbortSignal): ObError {
  return isObError(signal?.reason, "CANCELLED")
    ? signal.reason
    : new ObError("CANCELLED", "The build was cancelled.", { cause: signal?.reason });
}

/** Throws `CANCELLED` if the signal has fired. */
export function throwIfCancelled(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelledError(signal);
}

/** `NO_SPACE`: the disk of the store or of temporary files is full. */
export function noSpaceError(
  message: string,
  { cause, hint = "Free some space." }: { readonly cause?: unknown; readonly hint?: string } = {},
): ObError {
  return new ObError("NO_SPACE", message, { cause, hint });
}

/** What failed first, if disposing failed after it: `await using` throws a `SuppressedError` then. */
export function firstError(error: unknown): unknown {
  return error instanceof SuppressedError ? firstError(error.suppressed) : error;
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** What Node.js has no name for: its error then has a code of this form. The number is Linux's. */
const unnamedCodes: ReadonlyMap<string, string> = new Map([["Unknown system error -122", "EDQUOT"]]);

/** The `code` of a Node.js system error such as `ENOENT`, or undefined. */
export function errnoCode(error: unknown): string | undefined {
  if (!(error instanceof Error && "code" in error && typeof error.code === "string")) return undefined;
  return unnamedCodes.get(error.code) ?? error.code;
}
