import type { SandboxRunOptions, SandboxStep, StepSession } from "@ob/core";
import type { PausedVm } from "./paused-vm.ts";
import type { VmLease } from "./warm-pool.ts";

/** Runs the steps of a sandbox's sessions. */
export interface StepRunner {
  /**
   * Runs a step, in the VM of the previous step if it can be reused; otherwise that VM is ended.
   *
   * @returns the VM, paused for the next step, if `step.keepVm` is set and the VM can be reused.
   * @throws ObError as `Sandbox.run`.
   */
  runStep(step: SandboxStep, options: RunStepOptions): Promise<PausedVm | undefined>;
  /** Called before the first step of a session, for all of its VMs. @throws the signal's reason. */
  admit(step: SandboxStep, signal: AbortSignal | undefined): Promise<VmLease<PausedVm>>;
  /** Called once a session has been disposed of. */
  sessionClosed(session: StepSession): void;
}

export interface RunStepOptions extends SandboxRunOptions {
  /** The VM of the previous step, or one that was kept ready for it. */
  readonly pausedVm: PausedVm | undefined;
  /** See `StepOptions`. By default false. */
  readonly isFirst?: boolean | undefined;
}

/** Keeps at most one VM between two steps. */
export class QemuStepSession implements StepSession {
  readonly #runner: StepRunner;
  #pausedVm: PausedVm | undefined;
  #lease: VmLease<PausedVm> | undefined;
  #started = false;
  #closed = false;

  constructor(runner: StepRunner) {
    this.#runner = runner;
  }

  async run(step: SandboxStep, options: SandboxRunOptions = {}): Promise<void> {
    const pausedVm = this.#takePausedVm() ?? (await this.#admit(step, options.signal));
    const keepVm = step.keepVm === true && !this.#closed;
    const isFirst = !this.#started;
    this.#started = true;
    const paused = await this.#runner.runStep({ ...step, keepVm }, { ...options, pausedVm, isFirst });
    if (this.#closed || this.#pausedVm) await paused?.[Symbol.asyncDispose]();
    else this.#pausedVm = paused;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#takePausedVm()?.[Symbol.asyncDispose]();
    this.#lease?.[Symbol.dispose]();
    this.#runner.sessionClosed(this);
  }

  /** @returns the VM that was kept ready for the first step. */
  async #admit(step: SandboxStep, signal: AbortSignal | undefined): Promise<PausedVm | undefined> {
    if (this.#lease) return undefined;
    const lease = await this.#runner.admit(step, signal);
    this.#lease = lease;
    if (this.#closed) lease[Symbol.dispose]();
    return lease.vm;
  }

  #takePausedVm(): PausedVm | undefined {
    const pausedVm = this.#pausedVm;
    this.#pausedVm = undefined;
    return pausedVm;
  }
}
