import { errorMessage, type ErrorCode, isObError, ObError, type StepInfo } from "@ob/core";
import type { FailureRecord } from "../redis/messages.ts";

/** How much of a text is kept, in characters: its end says most. */
const longest = 50_000;

/** An error as it is kept in Redis. @param time in milliseconds, by the clock of Redis. */
export function failureOf(error: unknown, time: number): FailureRecord {
  const message = errorMessage(error).slice(-longest);
  if (!isObError(error)) return { v: 1, time, code: "STORE", message };
  const { code, hint, exitCode, step } = error;
  return {
    v: 1,
    time,
    code,
    message,
    ...(hint !== undefined && { hint: hint.slice(0, 10_000) }),
    ...(exitCode !== undefined && { exitCode }),
    ...(step !== undefined && { output: step.output.slice(-longest) }),
  };
}

const codes: Readonly<Record<ErrorCode, true>> = {
  STEP_FAILED: true,
  TIMEOUT: true,
  CANCELLED: true,
  BAD_SPEC: true,
  USAGE: true,
  BAD_SOURCE: true,
  BAD_SECRET: true,
  STORE: true,
  REGISTRY: true,
  NO_SUCH_LAYER: true,
  LAYER_BUSY: true,
  BASE_IMAGE: true,
  MISSING_TOOL: true,
  TOOL_FAILED: true,
  NO_SPACE: true,
  BOOT_FAILED: true,
  LOGIN_FAILED: true,
  WRONG_MACHINE: true,
  GUEST_LOST: true,
  UNCLEAN_STOP: true,
  CACHE: true,
  UNSUPPORTED: true,
};

/** The error of a failed build, as `Builder.build` throws it. @param step what failed, if it was a step. */
export function errorOf(failure: FailureRecord, step: StepInfo | undefined): ObError {
  const { code, message, hint, exitCode, output = "" } = failure;
  const failed =
    step === undefined || step.op === "from"
      ? undefined
      : { id: step.id, op: step.op, heading: step.heading, build: step.build, output };
  return new ObError(isCode(code) ? code : "STORE", message, { hint, exitCode, at: step?.at, step: failed });
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(codes, text);
}
