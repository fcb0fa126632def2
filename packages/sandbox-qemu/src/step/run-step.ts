import {
  type CopyTask,
  type Emit,
  isObError,
  type Phase,
  type SandboxRunOptions,
  type SandboxStep,
} from "@ob/core";
import { throwIfAborted } from "../abort.ts";
import { withVmErrors } from "../vm/vm-failure.ts";
import { copyIn, copyTarget } from "../transfer/copy-in.ts";
import { type CopyOwner, copyOwner, type KnownOwners } from "../transfer/copy-owner.ts";
import { diskName } from "../machine/qemu-argv.ts";
import {
  cacheDisks,
  tryReuseVm,
  isUnsupportedByQemu,
  pauseForNextStep,
  networkOf,
  captureBaseline,
  supportsCacheHotplug,
  type PausedVm,
  whyNotKept,
} from "./vm-reuse.ts";
import { resolveGuest, guestProfile } from "../guest/resolve-guest.ts";
import { detachDisk } from "../vm/hot-plug.ts";
import type { Accelerator, Machine } from "../machine/machine.ts";
import type { SandboxOptions } from "../options.ts";
import { runGuestCommand, type GuestConnection, runStepCommand } from "../guest/guest-command.ts";
import { type GuestSession, startGuest } from "../lifecycle/start-guest.ts";
import { flush, stop } from "../lifecycle/shutdown.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { failedStepAccess } from "../access/ephemeral-guest.ts";

export interface StepOptions extends Pick<SandboxRunOptions, "onOutput" | "onFailure"> {
  readonly options: SandboxOptions;
  readonly templates: SnapshotStore;
  readonly accelerator: (machine: Machine) => Promise<Accelerator>;
  readonly knownOwners: KnownOwners;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** The guest of the step before. It goes on if it can; otherwise it is ended. */
  readonly pausedVm?: PausedVm | undefined;
}

/**
 * Runs one step. When it resolves nobody has the step's disks open.
 *
 * @returns the guest, if the step is followed and the guest can go on.
 * @throws ObError as `Sandbox.run`.
 */
export async function runStep(step: SandboxStep, run: StepOptions): Promise<PausedVm | undefined> {
  await using stack = new AsyncDisposableStack();
  if (run.pausedVm) stack.use(run.pausedVm);
  const { task } = step;
  const { options, signal, emit } = run;
  throwIfAborted(signal);
  const guest = resolveGuest(step.image, options);
  const profile = guestProfile(guest);
  const enter = phaseTimer(step, emit);
  // What cannot be run is refused before a machine is started for it.
  const setUp = task.kind === "run" ? profile.mount(task) : [];
  const command = task.kind === "run" ? profile.run(task) : profile.unpack;
  const { stateDirectory } = options;
  const ownerOfCopy = ({ user }: CopyTask): CopyOwner =>
    copyOwner(user, { profile, loginUser: guest.loginUser, image: step.image, known: run.knownOwners });
  await using copying =
    task.kind === "copy"
      ? copyIn(profile, {
          openArchive: task.openArchive,
          owner: ownerOfCopy(task),
          stateDirectory,
          signal,
          emit,
        })
      : undefined;

  const say = (text: string): void => emit({ type: "log", level: "info", text });
  const continued = run.pausedVm && (await tryReuseVm(run.pausedVm, { step, signal }));
  if (continued?.kind === "goes on") say("The virtual machine of the step before goes on.");
  if (continued?.kind === "boot anew") {
    say(`A virtual machine is booted: that of the step before cannot go on, ${continued.why}.`);
    await run.pausedVm?.[Symbol.asyncDispose]();
  }
  const running =
    continued?.kind === "goes on" ? continued.running : stack.use(await bootFor(step, { ...run, enter }));
  const { vm, session, shell, baseline } = running;

  return await withVmErrors(vm, signal, async () => {
    const inGuest: GuestConnection = { session, shell, signal: running.signal, onOutput: run.onOutput };
    const stay = (why: string): undefined => {
      say(`The next step gets a virtual machine of its own: this one cannot go on, ${why}.`);
    };
    let noted = continued?.kind === "goes on" ? continued.noted : undefined;
    const refusal = whyNotKept(step);
    if (step.keepVm === true && refusal !== undefined) {
      noted = stay(refusal);
    } else if (step.keepVm === true && !supportsCacheHotplug(vm.config, step)) {
      noted = stay("its machine gives no caches back while it runs");
    } else if (step.keepVm === true && noted === undefined) {
      const result = await captureBaseline(running, { step, inGuest });
      noted = "noted" in result ? result.noted : stay(result.why);
    }

    if (setUp.length > 0) enter("mount");
    for (const each of setUp) await runGuestCommand(each, inGuest);

    enter(command.phase);
    let failure: unknown;
    try {
      if (task.kind === "run") {
        await runStepCommand(command, { ...inGuest, leftovers: profile.killStrayProcesses?.(baseline) });
      } else await copying?.into(copyTarget(vm, inGuest));
    } catch (error) {
      if (!isObError(error, "STEP_FAILED")) throw error;
      if (task.kind === "run") await run.onFailure?.(error, failedStepAccess(running, { task, signal }));
      // A command that failed may still have filled its caches: they are worth closing well.
      if (cacheDisks(step).length === 0) throw error;
      failure = error;
    }

    if (task.kind === "run") {
      const tearDown = profile.unmount(task, baseline);
      if (tearDown.length > 0) enter("mount");
      for (const each of tearDown) await runGuestCommand(each, inGuest);
    }

    if (step.keepVm !== true || failure !== undefined) noted = undefined;
    if (noted !== undefined) {
      // What came into the machine for this step leaves it.
      await copying?.[Symbol.asyncDispose]();
      const refused = await detachCaches(running, step);
      if (refused !== undefined) noted = stay(refused);
    }

    enter("flush");
    const { vmReuse: goingOn } = profile;
    const ending = noted === undefined ? undefined : goingOn?.resetAndFlush(baseline, noted);
    const flushed = await flush(ending ?? profile.flush(baseline), inGuest);
    enter("stop");
    if (noted !== undefined) {
      const left = await pauseForNextStep(running, { step, noted, flushed, signal: inGuest.signal });
      if (!("why" in left)) {
        enter(undefined);
        const held = stack.move();
        return { ...left, [Symbol.asyncDispose]: async () => await held.disposeAsync() };
      }
      stay(left.why);
    }
    await stop(vm, { ...inGuest, signal, profile, state: flushed.state });
    enter(undefined);
    if (failure !== undefined) throw failure;
    return undefined;
  });
}

async function bootFor(
  step: SandboxStep,
  {
    options,
    accelerator,
    templates,
    signal,
    emit,
    enter,
  }: StepOptions & { readonly enter: (phase: Phase) => void },
): Promise<GuestSession> {
  const { task, image } = step;
  const profile = guestProfile(resolveGuest(image, options));
  return await startGuest({
    options,
    image,
    disks: [step.disk, ...cacheDisks(step)],
    network: networkOf(step),
    cdrom: task.kind === "copy" && profile.verification !== undefined,
    accelerator,
    templates,
    signal,
    emit,
    enter,
  });
}

/** Takes the step's caches out of the machine. @returns why that cannot be done. */
async function detachCaches({ vm, signal }: GuestSession, step: SandboxStep): Promise<string | undefined> {
  try {
    await Promise.all(
      cacheDisks(step).map(async (_, index) => await detachDisk(vm, diskName(index + 1), signal)),
    );
    return undefined;
  } catch (error) {
    if (isUnsupportedByQemu(error)) return "it does not give its caches back";
    throw error;
  }
}

/** Tells the listeners each phase as it begins, and how long the one before it took. */
export function phaseTimer(step: Pick<SandboxStep, "layer">, emit: Emit): (phase: Phase | undefined) => void {
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
