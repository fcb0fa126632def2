import { isObError, type ObError, type RunTask, type SandboxStep, throwIfAborted } from "@ob/core";
import { withVmErrors } from "@ob/qemu";
import { failedStepAccess } from "../access/ephemeral-guest.ts";
import { type GuestConnection, runGuestCommand, runStepCommand } from "../guest/guest-command.ts";
import { inRealOrder } from "../guest/mount-order.ts";
import type { MountTask } from "../guest/mount-task.ts";
import { flush } from "../lifecycle/shutdown.ts";
import { type GuestSession, startGuest } from "../lifecycle/start-guest.ts";
import { copyTarget } from "../transfer/copy-in.ts";
import type { ActiveStep } from "./active-step.ts";
import { endRestartable, lockedOut, stopUnlessLockedOut, stopVm, unmount } from "./end-step.ts";
import { GuestRestarts } from "./guest-restarts.ts";
import { withRestartHint } from "./restart-hint.ts";
import { planStep, startCopy, type StepOptions, type StepPlan } from "./step-plan.ts";
import {
  pauseForNextStep,
  type PausedState,
  type PausedVm,
  type ReuseResult,
  tryReuseVm,
} from "./paused-vm.ts";
import { decideReuse, type KeepVm, type Refusal, mayRestart, networkOf } from "./vm-reuse.ts";
import { releaseCaches } from "./reused-caches.ts";
import { tryWarmVm } from "./warm-vm.ts";

/**
 * Runs one step. When it resolves, the step's disks are closed.
 *
 * @returns the paused VM, if the step asks to keep it and it can be reused.
 * @throws ObError as `Sandbox.run`.
 */
export async function runStep(step: SandboxStep, options: StepOptions): Promise<PausedVm | undefined> {
  try {
    return await runInVm(step, options);
  } catch (error) {
    throw withRestartHint(error, step);
  }
}

async function runInVm(step: SandboxStep, options: StepOptions): Promise<PausedVm | undefined> {
  await using stack = new AsyncDisposableStack();
  if (options.pausedVm) stack.use(options.pausedVm);
  throwIfAborted(options.signal);
  const plan = planStep(step, options);
  await using copy = startCopy(plan);

  const reused = await reuseVm(plan);
  const running = reused?.running ?? stack.use(await bootVm(plan));
  const { vm, session, shell, signal } = running;

  return await withVmErrors(vm, options.signal, async () => {
    const restarts = mayRestart(step)
      ? stack.use(await GuestRestarts.allow(running, { signal: options.signal, emit: options.emit, stack }))
      : undefined;
    const connection: GuestConnection = {
      session,
      shell,
      signal: restarts ? AbortSignal.any([signal, restarts.restarted]) : signal,
      onOutput: options.onOutput,
    };
    const active: ActiveStep = { ...plan, running, connection, copy, startedAt: performance.now(), restarts };
    const reuse = await decideReuse(running, {
      step,
      connection,
      caches: plan.caches,
      baseline: reused?.baseline,
      vmReuse: options.resources.options.vmReuse,
    });
    if (reuse.kind === "stop") logNotReused(active, reuse);

    const mounted = await mount(active);
    let failure = await runTask(active);
    if (restarts) return await endRestartable(active, { restarts, mounted });
    await unmount(active, mounted);
    if (reuse.kind === "stop" || reuse.vmReuse.onRequest === true) failure ??= await lockedOut(active);
    if (reuse.kind === "stop" || failure !== undefined) {
      await stopVm(active);
      if (failure !== undefined) throw failure;
      return undefined;
    }
    const paused = await pauseVm(active, reuse);
    if (!paused) return undefined;
    const owned = stack.move();
    return { ...paused, [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
  });
}

/** The VM of the previous step, or one that was kept ready, on this step's disk; undefined if none can be used. */
async function reuseVm({
  step,
  options,
  caches,
  phases,
}: StepPlan): Promise<Extract<ReuseResult, { readonly kind: "reused" }> | undefined> {
  const { pausedVm, signal } = options;
  if (!pausedVm) return undefined;
  const isWarm = pausedVm.contents !== undefined;
  const result = await (isWarm ? tryWarmVm : tryReuseVm)(pausedVm, { step, caches, signal });
  switch (result.kind) {
    case "reused":
      logInfo(options, isWarm ? "Using a VM that was kept ready." : "Reusing the VM of the previous step.");
      phases.vmStarted(isWarm ? "warm" : "reuse");
      return result;
    case "must-boot":
      logInfo(options, `Booting a new VM: ${result.reason}.`);
      if (result.ownReason !== undefined) phases.notReused(result.ownReason);
      await pausedVm[Symbol.asyncDispose]();
      return undefined;
  }
}

async function bootVm({ step, options, guest, profile, caches, phases }: StepPlan): Promise<GuestSession> {
  const { resources, signal, emit } = options;
  return await startGuest({
    options: resources.options,
    guest,
    profile,
    rootDisk: step.disk,
    caches,
    network: networkOf(step),
    cdrom: step.task.kind === "copy" && profile.verification !== undefined,
    accelerators: resources.accelerators,
    networks: resources.networks,
    confinement: resources.confinement,
    // A guest that was resumed may start in another way than it was started.
    snapshots: mayRestart(step) ? undefined : resources.snapshots,
    savesLayer: options.isFirst,
    phases,
    signal,
    emit,
  });
}

/** Mounts the caches and puts the secrets. @returns them in the order in which they were mounted. */
async function mount({ mounts, profile, connection, phases }: ActiveStep): Promise<MountTask | undefined> {
  if (!mounts) return undefined;
  if (profile.mount(mounts).length > 0) phases.start("mount");
  const task = await realOrder(mounts, { profile, connection });
  for (const each of profile.mount(task)) await runGuestCommand(each, connection);
  return task;
}

async function realOrder(
  mounts: MountTask,
  { profile, connection }: Pick<ActiveStep, "profile" | "connection">,
): Promise<MountTask> {
  if (mounts.caches.length < 2 || !profile.realTargets) return mounts;
  const targets = mounts.caches.map(({ target }) => target);
  return inRealOrder(mounts, await runGuestCommand(profile.realTargets(targets), connection));
}

/**
 * @returns the error of a command that failed and may have filled its caches: they are still unmounted and closed cleanly.
 * @throws ObError the error of anything else that failed.
 */
async function runTask(active: ActiveStep): Promise<ObError | undefined> {
  const { step, running, connection, copy, command, profile, phases, caches, restarts } = active;
  phases.start(command.phase);
  try {
    if (step.task.kind === "run") {
      const killStrayProcesses = profile.killStrayProcesses?.(running.bootInfo);
      const run = async (): Promise<void> =>
        await runStepCommand(command, { ...connection, killStrayProcesses });
      await (restarts ? restarts.command(run) : run());
    } else {
      await copy?.into(copyTarget(running.vm, connection));
    }
    return undefined;
  } catch (error) {
    if (!isObError(error, "STEP_FAILED")) throw error;
    if (step.task.kind === "run") await reportFailure(active, { task: step.task, error });
    if (caches.length === 0) throw error;
    return error;
  }
}

async function reportFailure(
  { running, options }: ActiveStep,
  { task, error }: { readonly task: RunTask; readonly error: ObError },
): Promise<void> {
  await options.onFailure?.(error, failedStepAccess(running, { task, signal: options.signal }));
}

/** Brings the guest back to its baseline and pauses it. @returns undefined if it could not be kept, and was stopped. */
async function pauseVm(active: ActiveStep, keep: KeepVm): Promise<PausedState | undefined> {
  const { step, running, connection, copy, caches, phases } = active;
  const { signal } = connection;
  // What was attached to the VM for this step is detached.
  await copy?.[Symbol.asyncDispose]();
  const attached = await releaseCaches(running, { caches, connection });
  if (attached !== undefined) {
    logNotReused(active, { reason: attached });
    await stopUnlessLockedOut(active);
    return undefined;
  }
  phases.start("flush");
  const flushed = await flush(keep.baseline.resetAndFlush(running.bootInfo), connection);
  phases.start("stop");
  // Of a step with a network no VM is kept.
  const result = await pauseForNextStep(running, { step, network: "none", keep, flushed, signal });
  if (result.kind === "refused") {
    logNotReused(active, result);
    if (flushed.state === "frozen") await runGuestCommand(keep.vmReuse.thaw(new Date()), connection);
    await stopUnlessLockedOut(active);
    return undefined;
  }
  phases.end();
  return result.paused;
}

function logNotReused(
  { options, phases }: ActiveStep,
  { reason, ownReason = reason }: Partial<Refusal>,
): void {
  if (reason !== undefined) logInfo(options, `VM will not be reused: ${reason}.`);
  if (ownReason !== undefined) phases.vmNotKept(ownReason);
}

function logInfo({ emit }: StepOptions, text: string): void {
  emit({ type: "log", level: "info", text });
}
