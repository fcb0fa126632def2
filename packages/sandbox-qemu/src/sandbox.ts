import {
  cancelled,
  type Emit,
  type GuestArch,
  type GuestImage,
  type GuestOs,
  type GuestVisit,
  isObError,
  type Phase,
  type Sandbox,
  type SandboxRunOptions,
  type SandboxStep,
  silent,
  type VisitOptions,
  type VisitRequest,
} from "@ob/core";
import { throwIfAborted } from "./abort.ts";
import { chooseAccelerator } from "./accelerator.ts";
import { blaming } from "./blaming.ts";
import { copyIn, copyTarget } from "./copy-in.ts";
import { guestOf, profileOf } from "./guest-of.ts";
import type { Accelerator, Machine } from "./machine/machine.ts";
import type { SandboxOptions } from "./options.ts";
import { perform, type PerformOptions, runCommand } from "./perform.ts";
import { startGuest } from "./running-guest.ts";
import { sweepRunDirectories } from "./run-directory.ts";
import { flush, stop } from "./shutdown.ts";
import { TemplateStore } from "./template/template-store.ts";
import { accessTo, visitOf } from "./visit.ts";

/**
 * A sandbox that gives each step a QEMU virtual machine of its own. Sweeps what killed processes left in the state
 * directory; needs no QEMU before the first step.
 */
export async function createSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { stateDirectory, templateSpace: space = 2 ** 31, emit = silent } = options;
  await sweepRunDirectories(stateDirectory, emit);
  return new QemuSandbox(options, await TemplateStore.open({ stateDirectory, space, emit }));
}

class QemuSandbox implements Sandbox {
  readonly #options: SandboxOptions;
  readonly #templates: TemplateStore;
  readonly #closed = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #accelerators = new Map<GuestArch, Accelerator>();

  constructor(options: SandboxOptions, templates: TemplateStore) {
    this.#options = options;
    this.#templates = templates;
  }

  guest(image: GuestImage): { readonly os: GuestOs; readonly arch: GuestArch } {
    const { os, arch } = guestOf(image, this.#options);
    return { os, arch };
  }

  async run(step: SandboxStep, options: SandboxRunOptions = {}): Promise<void> {
    const signal = this.#withClosing(options.signal);
    const running = this.#runStep(step, { ...options, signal });
    const settled = running.catch(() => undefined);
    this.#running.add(settled);
    try {
      await running;
    } finally {
      this.#running.delete(settled);
    }
  }

  async visit(request: VisitRequest, options: VisitOptions = {}): Promise<GuestVisit> {
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
        enter: phaseClock(request, emit),
      });
      return visitOf(running, { signal, emit, onClose });
    } catch (error) {
      onClose();
      throw error;
    }
  }

  /** Cancels the steps that still run, and waits until their machines are gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(cancelled());
    await Promise.all(this.#running);
    await this.#templates[Symbol.asyncDispose]();
  }

  #withClosing(signal: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([this.#closed.signal, ...(signal ? [signal] : [])]);
  }

  async #runStep(
    step: SandboxStep,
    run: SandboxRunOptions & { readonly signal: AbortSignal },
  ): Promise<void> {
    const { task } = step;
    const { signal, onOutput, emit = this.#options.emit ?? silent } = run;
    throwIfAborted(signal);
    const enter = phaseClock(step, emit);

    const guest = guestOf(step.image, this.#options);
    const profile = profileOf(guest);
    // What cannot be run is refused before a machine is started for it.
    const setUp = task.kind === "run" ? profile.setUp(task) : [];
    const command = task.kind === "run" ? profile.run(task) : profile.unpack;
    const caches = task.kind === "run" ? task.caches.map(({ disk }) => disk) : [];
    const { stateDirectory } = this.#options;
    await using copying =
      task.kind === "copy"
        ? copyIn(profile, { openArchive: task.openArchive, stateDirectory, signal, emit })
        : undefined;
    await using running = await startGuest({
      options: this.#options,
      image: step.image,
      disks: [step.disk, ...caches],
      network: task.kind === "run" ? task.network : "none",
      discDrive: task.kind === "copy" && profile.verifyCopy !== undefined,
      accelerator: (machine) => this.#accelerator(machine, { signal, emit }),
      templates: this.#templates,
      signal,
      emit,
      enter,
    });
    const { vm, session, baseline } = running;
    await blaming(vm, signal, async () => {
      const inGuest: PerformOptions = { session, signal: running.signal, onOutput };
      if (setUp.length > 0) enter("mount");
      for (const each of setUp) await perform(each, inGuest);

      enter(command.phase);
      let failure: unknown;
      try {
        if (task.kind === "run") await runCommand(command, inGuest);
        else await copying?.into(copyTarget(vm, inGuest));
      } catch (error) {
        if (!isObError(error, "STEP_FAILED")) throw error;
        if (task.kind === "run") await run.onFailure?.(error, accessTo(running, { task, signal }));
        // A command that failed may still have filled its caches: they are worth closing well.
        if (caches.length === 0) throw error;
        failure = error;
      }

      if (task.kind === "run") {
        const tearDown = profile.tearDown(task, baseline);
        if (tearDown.length > 0) enter("mount");
        for (const each of tearDown) await perform(each, inGuest);
      }

      enter("flush");
      const ending = { profile, baseline, signal: inGuest.signal };
      const state = await flush(session, ending);
      enter("stop");
      await stop(vm, { ...ending, signal, session, state });
      enter(undefined);
      if (failure !== undefined) throw failure;
    });
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

/** Tells the listeners each phase as it begins, and how long the one before it took. */
function phaseClock(step: Pick<SandboxStep, "layer">, emit: Emit): (phase: Phase | undefined) => void {
  let before: { readonly phase: Phase; readonly start: number } | undefined;
  return (phase) => {
    const now = performance.now();
    if (before) {
      emit({ type: "log", level: "debug", text: `${before.phase}: ${Math.round(now - before.start)} ms` });
    }
    before = phase && { phase, start: now };
    if (phase) emit({ type: "phase", layer: step.layer, phase });
  };
}
