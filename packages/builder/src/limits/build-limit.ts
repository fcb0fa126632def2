import { abortReason, deadline, isObError, ObError } from "@ob/core";

export interface BuildLimitOptions {
  /** How long the build may take, in milliseconds; by default as long as it likes. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a build does with its limit. */
export interface LimitedBuild {
  /** Fires with the caller's signal, and with `TIMEOUT` when the time is over. */
  readonly signal: AbortSignal | undefined;
  /** Takes the error of the step that the limit ended. Of several the first is reported. */
  readonly onTimeout: (error: unknown) => void;
}

/**
 * Runs a build within its time limit.
 *
 * @throws ObError `TIMEOUT`, with the step that ran then, if the limit ends it.
 */
export async function withBuildLimit<T>(
  { timeoutMs, signal: caller }: BuildLimitOptions,
  work: (build: LimitedBuild) => Promise<T>,
): Promise<T> {
  if (timeoutMs === undefined) return await work({ signal: caller, onTimeout: () => undefined });
  using limit = deadline(timeoutMs, () => tooLong(timeoutMs));
  const signal = AbortSignal.any([limit.signal, ...(caller ? [caller] : [])]);
  let first: unknown;
  const onTimeout = (error: unknown) => {
    first ??= error;
  };
  try {
    return await work({ signal, onTimeout });
  } catch (error) {
    // Whatever was waiting then ended as if the caller had cancelled it.
    const cancelled = isObError(error, "CANCELLED") && limit.signal.aborted && !caller?.aborted;
    throw cancelled ? (first ?? abortReason(limit.signal)) : error;
  }
}

function tooLong(milliseconds: number): ObError {
  return new ObError("TIMEOUT", `The build took longer than ${milliseconds / 1000} s.`, {
    data: { limit: "build" },
  });
}
