import { dirname } from "node:path";
import { abortReason, deadline, ObError, type SandboxRunOptions, type SandboxStep } from "@ob/core";
import type { StepDeps } from "../steps/step-deps.ts";
import { watchFreeSpace } from "./free-space.ts";

/** How a step is run: the options of `Sandbox.run` that every step has. */
export interface RunInSandbox extends Omit<SandboxRunOptions, "signal" | "emit"> {
  readonly signal: AbortSignal;
}

/**
 * Runs a step in its session, within the limits of the build. The step's time begins when its machine is started: what it
 * waits for before, such as another build's caches, does not count. Neither does the time in `onFailure`.
 *
 * @throws ObError as `Sandbox.run`; `TIMEOUT`, or `NO_SPACE` if too little of the host's disk is left.
 */
export async function runInSandbox(
  step: SandboxStep,
  { signal, onFailure, ...options }: RunInSandbox,
  { sandbox, session = sandbox, emit, limits = {} }: StepDeps,
): Promise<void> {
  const { stepTimeoutMs, diskReserve = 0 } = limits;
  await using space = await watchFreeSpace(dirname(step.disk), diskReserve);
  using limit =
    stepTimeoutMs === undefined ? undefined : deadline(stepTimeoutMs, () => tooLong(stepTimeoutMs));
  const limited = AbortSignal.any([space.signal, ...(limit ? [limit.signal] : [])]);
  const stopped = onFailure && {
    onFailure: async (...failure: Parameters<typeof onFailure>) => {
      limit?.[Symbol.dispose]();
      await onFailure(...failure);
    },
  };
  try {
    await session.run(step, { ...options, ...stopped, signal: AbortSignal.any([signal, limited]), emit });
  } catch (error) {
    throw limited.aborted && !signal.aborted ? abortReason(limited) : error;
  }
}

function tooLong(milliseconds: number): ObError {
  return new ObError("TIMEOUT", `The step took longer than ${milliseconds / 1000} s.`, {
    data: { limit: "step" },
  });
}
