import { type Emit, noopEmit, type SandboxStep } from "@ob/core";
import type { PausedVm } from "./paused-vm.ts";
import type { StepResources } from "./step-plan.ts";
import { type VmLease, WarmPool } from "./warm-pool.ts";
import { type StartingPoint, startingPointKey, startingPointOf, startWarmVm } from "./warm-vm.ts";

const defaultIdleMs = 600_000;

/** The VMs that a sandbox keeps ready for first steps, and the count of all that it runs; see `SandboxOptions.warmVms`. */
export class WarmVms implements AsyncDisposable {
  readonly #resources: StepResources;
  readonly #pool: WarmPool<StartingPoint, PausedVm> | undefined;

  constructor(resources: StepResources) {
    this.#resources = resources;
    const { warmVms, emit = noopEmit } = resources.options;
    if (warmVms && warmVms.count > 0) this.#pool = this.#openPool(warmVms, emit);
  }

  /**
   * To be called before a VM is started, for a step or for an ephemeral guest.
   *
   * @throws ObError as `Sandbox.run`; the signal's reason.
   */
  async admit(step: SandboxStep | undefined, signal: AbortSignal): Promise<VmLease<PausedVm>> {
    if (!this.#pool) return { vm: undefined, [Symbol.dispose]: () => undefined };
    const point = step && (await startingPointOf(step, this.#resources));
    return await this.#pool.admit(point, signal);
  }

  /** Ends those that are ready, and keeps none from now on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool?.[Symbol.asyncDispose]();
  }

  #openPool(
    { count, limit, idleMs = defaultIdleMs }: NonNullable<StepResources["options"]["warmVms"]>,
    emit: Emit,
  ): WarmPool<StartingPoint, PausedVm> {
    return new WarmPool({
      count,
      limit,
      idleMs,
      keyOf: startingPointKey,
      start: async (point, signal) => await startWarmVm(point, { resources: this.#resources, signal, emit }),
      endOf: ({ running }) => AbortSignal.any([running.vm.failed, running.session.lost]),
      log: (text) => emit({ type: "log", level: "debug", text }),
    });
  }
}
