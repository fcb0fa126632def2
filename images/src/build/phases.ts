import { cancelledError, type ImageSpeed, ObError } from "@ob/core";

/** Progress events of an image build. */
export type ImageEvent =
  | { readonly type: "phase-started"; readonly phase: string }
  /** Progress of a phase in bytes; `total` is undefined if unknown. */
  | {
      readonly type: "phase-progress";
      readonly phase: string;
      readonly done: number;
      readonly total: number | undefined;
    }
  | { readonly type: "phase-finished"; readonly phase: string; readonly milliseconds: number }
  /**
   * The result of a check in the guest. `warning`: a recommended property is missing. `skipped`: the guest or the host does
   * not have what it is about. `detail` can have several lines.
   */
  | {
      readonly type: "check";
      readonly what: string;
      readonly outcome: "passed" | "warning" | "failed" | "skipped";
      readonly detail?: string;
      readonly milliseconds?: number | undefined;
    }
  /** How quickly steps start on the image. */
  | { readonly type: "speed"; readonly speed: ImageSpeed }
  /** A remark of one line. */
  | { readonly type: "note"; readonly text: string };

export type OnImageEvent = (event: ImageEvent) => void;

export interface PhaseOptions {
  readonly onEvent: OnImageEvent;
  readonly signal?: AbortSignal | undefined;
  /** Time limit of the phase in seconds; by default none. */
  readonly limitSeconds?: number | undefined;
}

/** The argument of a phase's work. */
export interface PhaseContext {
  /** Fires when the caller's signal fires, and when the time limit is reached. */
  readonly signal: AbortSignal;
  /** Reports progress in bytes. */
  readonly onProgress: (done: number, total: number | undefined) => void;
}

/**
 * Runs one phase of the work between a start and an end event. A phase that fails emits no end event.
 *
 * @throws ObError `BASE_IMAGE` if the time limit stops the work; errors of the work.
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
    // A program that was stopped by the signal reports only that.
    if (caller?.aborted === true) throw cancelledError(caller);
    throw limit.signal.aborted ? withCause(limit.signal.reason, error) : error;
  } finally {
    clearTimeout(timer);
  }
}

function overdue(phase: string, seconds: number): ObError {
  return new ObError("BASE_IMAGE", `Timed out after ${seconds} s: ${phase}.`, {
    hint: "On a slow host, try again when its load is lower.",
  });
}

/** Prefers an error of the work with more detail, such as the tail of the console. */
function withCause(reason: unknown, error: unknown): unknown {
  if (!(reason instanceof ObError) || !(error instanceof ObError)) return reason;
  if (error.code === "CANCELLED" || error === reason) return reason;
  return new ObError("BASE_IMAGE", `${reason.message}\n${error.message}`, {
    hint: reason.hint,
    cause: error,
  });
}
