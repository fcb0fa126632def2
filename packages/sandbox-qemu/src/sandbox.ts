import {
  cancelled,
  type Emit,
  type GuestArch,
  type GuestDescription,
  type GuestImage,
  type GuestVisit,
  type Sandbox,
  type SandboxRunOptions,
  type SandboxStep,
  silent,
  type StepSequence,
  type VisitOptions,
  type VisitRequest,
} from "@ob/core";
import { chooseAccelerator } from "./accelerator/choose-accelerator.ts";
import type { KnownOwners } from "./transfer/copy-owner.ts";
import type { PausedVm } from "./step/vm-reuse.ts";
import { findProfile } from "./guest/registry.ts";
import { resolveGuest } from "./guest/resolve-guest.ts";
import type { Accelerator, Machine } from "./machine/machine.ts";
import type { SandboxOptions } from "./options.ts";
import { startGuest } from "./lifecycle/start-guest.ts";
import { sweepRunDirectories } from "./vm/run-directory.ts";
import { QemuStepSession } from "./step/step-session.ts";
import { phaseTimer, runStep } from "./step/run-step.ts";
import { SnapshotStore } from "./snapshot/snapshot-store.ts";
import { openEphemeralGuest } from "./access/ephemeral-guest.ts";

/**
 * A sandbox that runs steps in QEMU virtual machines: each in one of its own, or those of a sequence in one that goes on.
 * Sweeps what killed processes left in the state directory; needs no QEMU before the first step.
 *
 * @throws ObError `UNSUPPORTED` if there is no profile for `guestOs`.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { stateDirectory, snapshotCacheSize: space = 2 ** 31, emit = silent } = options;
  if (options.guestOs !== undefined) findProfile(options.guestOs, options.profiles);
  await sweepRunDirectories(stateDirectory, emit);
  return new QemuSandbox(options, await SnapshotStore.open({ stateDirectory, space, emit }));
}

class QemuSandbox implements Sandbox {
  readonly #options: SandboxOptions;
  readonly #templates: SnapshotStore;
  readonly #closed = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #sequences = new Set<QemuStepSession>();
  readonly #knownOwners: KnownOwners = new Map();
  readonly #accelerators = new Map<GuestArch, Accelerator>();

  constructor(options: SandboxOptions, templates: SnapshotStore) {
    this.#options = options;
    this.#templates = templates;
  }

  guest(image: GuestImage): GuestDescription {
    const { os, arch, profile } = resolveGuest(image, this.#options);
    const { cacheFileSystem, copyTarget, copySource } = profile;
    return { os, arch, cacheFileSystem, copyTarget, copySource };
  }

  async run(step: SandboxStep, options: SandboxRunOptions = {}): Promise<void> {
    await this.#run({ ...step, keepVm: false }, options);
  }

  openSession(): StepSequence {
    const sequence: QemuStepSession = new QemuStepSession(
      async (step, options) => await this.#run(step, options),
      () => void this.#sequences.delete(sequence),
    );
    this.#sequences.add(sequence);
    return sequence;
  }

  async openEphemeral(request: VisitRequest, options: VisitOptions = {}): Promise<GuestVisit> {
    const { emit = this.#options.emit ?? silent } = options;
    const signal = this.#withClosing(options.signal);
    const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
    this.#running.add(closed);
    void closed.then(() => this.#running.delete(closed));
    try {
      const running = await startGuest({
        options: this.#options,
        image: request.image,
        disks: [request.disk],
        network: request.network ?? "none",
        accelerator: (machine) => this.#accelerator(machine, { signal, emit }),
        templates: this.#templates,
        signal,
        emit,
        enter: phaseTimer(request, emit),
      });
      return openEphemeralGuest(running, { signal, emit, onClose });
    } catch (error) {
      onClose();
      throw error;
    }
  }

  /** Cancels the steps that still run, and waits until their machines are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(cancelled());
    await Promise.all(this.#running);
    await Promise.all([...this.#sequences].map(async (each) => await each[Symbol.asyncDispose]()));
    await this.#templates[Symbol.asyncDispose]();
  }

  #withClosing(signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([this.#closed.signal, ...(signal ? [signal] : [])]);
  }

  async #run(
    step: SandboxStep,
    options: SandboxRunOptions & { readonly pausedVm?: PausedVm | undefined },
  ): Promise<PausedVm | undefined> {
    const { emit = this.#options.emit ?? silent, ...rest } = options;
    const signal = this.#withClosing(options.signal);
    const accelerator = (machine: Machine): Promise<Accelerator> =>
      this.#accelerator(machine, { signal, emit });
    const templates = this.#templates;
    const running = runStep(step, {
      ...rest,
      options: this.#options,
      accelerator,
      templates,
      knownOwners: this.#knownOwners,
      signal,
      emit,
    });
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#running.add(settled);
    try {
      return await running;
    } finally {
      this.#running.delete(settled);
    }
  }

  async #accelerator(
    machine: Machine,
    { signal, emit }: { readonly signal: AbortSignal; readonly emit: Emit },
  ): Promise<Accelerator> {
    const known = this.#accelerators.get(machine.arch);
    if (known !== undefined) return known;
    const { accelerator: choice, stateDirectory } = this.#options;
    const found = await chooseAccelerator(machine, { choice, stateDirectory, signal, emit });
    this.#accelerators.set(machine.arch, found);
    return found;
  }
}
