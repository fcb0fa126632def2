import {
  type Emit,
  type GuestDescription,
  type GuestImage,
  type EphemeralGuest,
  type Sandbox,
  type SandboxRunOptions,
  type SandboxStep,
  noopEmit,
  type StepSession,
  type EphemeralGuestOptions,
  type EphemeralGuestRequest,
} from "@ob/core";
import { Accelerators, HostNetworks, sweepRunDirectories } from "@ob/qemu";
import { confinementFor, type SandboxOptions } from "./lifecycle/options.ts";
import { checkSandboxOptions } from "./lifecycle/check-options.ts";
import { openEphemeralGuest } from "./access/ephemeral-guest.ts";
import { findProfile } from "./guest/registry.ts";
import { describeGuest, distinctTargets } from "./guest/describe-guest.ts";
import { guestProfile, resolveGuest } from "./guest/resolve-guest.ts";
import { PhaseTimer } from "./lifecycle/phase-timer.ts";
import { type GuestSession, startGuest } from "./lifecycle/start-guest.ts";
import { SnapshotStore } from "./snapshot/snapshot-store.ts";
import type { StepResources } from "./step/step-plan.ts";
import { QemuStepRunner } from "./step/step-runner.ts";
import { TaskGroup } from "./step/task-group.ts";
import { WarmVms } from "./step/warm-vms.ts";

/** A sandbox that can keep VMs ready; see `SandboxOptions.warmVms`. */
export interface VmSandbox extends Sandbox {
  /** Ends the VMs that are kept ready, and keeps none from now on. What runs is not touched. */
  endWarmVms(): Promise<void>;
}

/**
 * A sandbox that runs steps in QEMU virtual machines: one VM for each step, or, in a session, one VM for several. Removes
 * what killed processes left in the state directory. QEMU is first needed by the first step.
 *
 * @throws ObError `UNSUPPORTED` if there is no profile for `guestOs`.
 */
export async function createSandbox(options: SandboxOptions): Promise<VmSandbox> {
  checkSandboxOptions("createSandbox", options);
  const { stateDirectory, snapshotCacheSize: space = 2 ** 31, emit = noopEmit } = options;
  const { network: choice = "auto", allowHostLoopback = false } = options;
  if (options.guestOs !== undefined) findProfile(options.guestOs, options.profiles);
  await sweepRunDirectories(stateDirectory, emit);
  return new QemuSandbox({
    options,
    accelerators: new Accelerators({ choice: options.accelerator, stateDirectory }),
    networks: new HostNetworks({ choice, allowHostLoopback }),
    confinement: confinementFor(options),
    snapshots: await SnapshotStore.open({ stateDirectory, space, emit }),
    knownOwners: new Map(),
  });
}

class QemuSandbox implements VmSandbox {
  readonly distinctTargets = distinctTargets;
  readonly #resources: StepResources;
  readonly #tasks = new TaskGroup();
  readonly #warm: WarmVms;
  readonly #steps: QemuStepRunner;

  constructor(resources: StepResources) {
    this.#resources = resources;
    this.#warm = new WarmVms(resources);
    this.#steps = new QemuStepRunner(resources, { tasks: this.#tasks, warm: this.#warm });
  }

  guest(image: GuestImage): GuestDescription {
    return describeGuest(image, this.#resources.options);
  }

  async run(step: SandboxStep, options: SandboxRunOptions = {}): Promise<void> {
    using lease = await this.#steps.admit(step, options.signal);
    await this.#steps.runStep({ ...step, keepVm: false }, { ...options, pausedVm: lease.vm });
  }

  openSession(): StepSession {
    return this.#steps.openSession();
  }

  async openEphemeral(
    request: EphemeralGuestRequest,
    options: EphemeralGuestOptions = {},
  ): Promise<EphemeralGuest> {
    const { emit = this.#resources.options.emit ?? noopEmit } = options;
    const signal = this.#tasks.signal(options.signal);
    const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
    this.#tasks.track(closed);
    try {
      const lease = await this.#warm.admit(undefined, signal);
      void closed.then(() => lease[Symbol.dispose]());
      const running = await this.#bootEphemeral(request, { signal, emit });
      return openEphemeralGuest(running, { signal, emit, onClose });
    } catch (error) {
      onClose();
      throw error;
    }
  }

  async endWarmVms(): Promise<void> {
    await this.#warm[Symbol.asyncDispose]();
  }

  /** Cancels the steps that still run, and waits until their VMs have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tasks[Symbol.asyncDispose]();
    await this.#steps[Symbol.asyncDispose]();
    await this.#warm[Symbol.asyncDispose]();
    await this.#resources.snapshots[Symbol.asyncDispose]();
  }

  async #bootEphemeral(
    { image, disk, network = "none", layer }: EphemeralGuestRequest,
    { signal, emit }: { readonly signal: AbortSignal; readonly emit: Emit },
  ): Promise<GuestSession> {
    const { options, accelerators, networks, confinement, snapshots } = this.#resources;
    const guest = resolveGuest(image, options);
    return await startGuest({
      options,
      guest,
      profile: guestProfile(guest),
      rootDisk: disk,
      caches: [],
      network,
      accelerators,
      networks,
      confinement,
      snapshots,
      phases: new PhaseTimer(layer, emit),
      signal,
      emit,
    });
  }
}
