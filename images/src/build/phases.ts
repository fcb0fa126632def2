import { cancelledError, ObError } from "@ob/core";

/** What the making of an image tells those who watch. */
export type ImageEvent =
  | { readonly type: "phase-started"; readonly phase: string }
  /** How far the phase is; `total` is undefined where nobody knows. In bytes. */
  | {
      readonly type: "phase-progress";
      readonly phase: string;
      readonly done: number;
      readonly total: number | undefined;
    }
  | { readonly type: "phase-finished"; readonly phase: string; readonly milliseconds: number }
  /** Something that was looked at in the guest; `weak`: it is not so, and helps only. `detail` can have lines. */
  | {
      readonly type: "check";
      readonly what: string;
      readonly outcome: "passed" | "weak";
      readonly detail?: string;
    }
  /** A remark of a line. */
  | { readonly type: "note"; readonly text: string };

export type OnImageEvent = (event: ImageEvent) => void;

export interface PhaseOptions {
  readonly onEvent: OnImageEvent;
  readonly signal?: AbortSignal | undefined;
  /** The most that the phase may take, in seconds; by default there is no limit. */
  readonly limitSeconds?: number | undefined;
}

/** What a phase is given. */
export interface PhaseContext {
  /** Fires when the caller's does, and when the time is over. */
  readonly signal: AbortSignal;
  /** Tells how far the phase is, in bytes. */
  readonly onProgress: (done: number, total: number | undefined) => void;
}

/**
 * Runs one phase of the work between its two events. A phase that fails has no second.
 *
 * @throws ObError `BASE_IMAGE` if the work is stopped by the limit; what the work throws.
 */
export async function withPhase<T>(
  phase: string,
  { onEvent, signal: caller, limitSeconds }: PhaseOptions,
  work: (context: PhaseContext) => Promise<T>,
): Promise<T> {
  const start = performance.now();
  onEvent({ type: "phase-started", phase });
  const limit = new AbortController();
  const timer =
    limitSeconds === undefined
      ? undefined
      : setTimeout(() => limit.abort(overdue(phase, limitSeconds)), limitSeconds * 1_000);
  try {
    const signal = AbortSignal.any([limit.signal, ...(caller ? [caller] : [])]);
    const onProgress: PhaseContext["onProgress"] = (done, total) =>
      onEvent({ type: "phase-progress", phase, done, total });
    const result = await work({ signal, onProgress });
    onEvent({ type: "phase-finished", phase, milliseconds: performance.now() - start });
    return result;
  } catch (error) {
    // A program that was stopped by the signal only says that it was stopped.
    if (caller?.aborted === true) throw cancelledError(caller);
    throw limit.signal.aborted ? withCause(limit.signal.reason, error) : error;
  } finally {
    clearTimeout(timer);
  }
}

function overdue(phase: string, seconds: number): ObError {
  return new ObError("BASE_IMAGE", `This took longer than ${seconds} s and was given up: ${phase}.`, {
    hint: "On a slow host try again when it has less to do.",
  });
}

/** An error that the work made for the occasion, such as one with the console's tail, tells more. */
function withCause(reason: unknown, error: unknown): unknown {
  if (!(reason instanceof ObError) || !(error instanceof ObError)) return reason;
  if (error.code === "CANCELLED" || error === reason) return reason;
  return new ObError("BASE_IMAGE", `${reason.message}\n${error.message}`, {
    hint: reason.hint,
    cause: error,
  });
}
