import { type SandboxStep, noopEmit, type StepSession } from "@ob/core";
import type { TaskGroup } from "./task-group.ts";
import { runStep } from "./run-step.ts";
import type { StepResources } from "./step-plan.ts";
import { QemuStepSession, type RunStepOptions, type StepRunner } from "./step-session.ts";
import type { PausedVm } from "./paused-vm.ts";
import type { VmLease } from "./warm-pool.ts";
import type { WarmVms } from "./warm-vms.ts";

/** Runs the steps of one sandbox. Disposing ends its sessions, and with them the VMs that they keep. */
export class QemuStepRunner implements StepRunner, AsyncDisposable {
  readonly #resources: StepResources;
  readonly #tasks: TaskGroup;
  readonly #warm: WarmVms;
  readonly #sessions = new Set<StepSession>();

  /** @param tasks each step is one of these: it is cancelled with them. */
  constructor(resources: StepResources, { tasks, warm }: { tasks: TaskGroup; warm: WarmVms }) {
    this.#resources = resources;
    this.#tasks = tasks;
    this.#warm = warm;
  }

  async admit(step: SandboxStep, signal: AbortSignal | undefined): Promise<VmLease<PausedVm>> {
    return await this.#warm.admit(step, this.#tasks.signal(signal));
  }

  async runStep(step: SandboxStep, options: RunStepOptions): Promise<PausedVm | undefined> {
    const {
      emit = this.#resources.options.emit ?? noopEmit,
      onOutput,
      onFailure,
      pausedVm,
      isFirst = false,
    } = options;
    const signal = this.#tasks.signal(options.signal);
    const running = runStep(step, {
      resources: this.#resources,
      onOutput,
      onFailure,
      pausedVm,
      isFirst,
      signal,
      emit,
    });
    this.#tasks.track(running);
    return await running;
  }

  openSession(): StepSession {
    const session = new QemuStepSession(this);
    this.#sessions.add(session);
    return session;
  }

  sessionClosed(session: StepSession): void {
    this.#sessions.delete(session);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#sessions].map(async (session) => await session[Symbol.asyncDispose]()));
  }
}
