import type { SandboxRunOptions, SandboxStep, StepSequence } from "@ob/core";
import type { PausedVm } from "./vm-reuse.ts";

/** Runs a step, given the guest of the step before; resolves with the guest that waits for the next. */
export type RunStep = (
  step: SandboxStep,
  options: SandboxRunOptions & { readonly pausedVm: PausedVm | undefined },
) => Promise<PausedVm | undefined>;

/** Keeps one guest at most, between one step and the next. */
export class QemuStepSession implements StepSequence {
  readonly #runAfter: RunStep;
  readonly #onClose: () => void;
  #waiting: PausedVm | undefined;
  #closed = false;

  constructor(runAfter: RunStep, onClose: () => void) {
    this.#runAfter = runAfter;
    this.#onClose = onClose;
  }

  async run(step: SandboxStep, options: SandboxRunOptions = {}): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    const followed = step.keepVm === true && !this.#closed;
    const left = await this.#runAfter({ ...step, keepVm: followed }, { ...options, pausedVm: waiting });
    if (this.#closed || this.#waiting) await left?.[Symbol.asyncDispose]();
    else this.#waiting = left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    await waiting?.[Symbol.asyncDispose]();
    this.#onClose();
  }
}
