import { isObError, ObError, type RunTask, type SandboxStep, throwIfAborted } from "@ob/core";
import { withVmErrors } from "@ob/qemu";
import { failedStepAccess } from "../access/ephemeral-guest.ts";
import { type GuestConnection, runGuestCommand, runStepCommand } from "../guest/guest-command.ts";
import { checkLogin } from "../lifecycle/check-login.ts";
import { inRealOrder } from "../guest/mount-order.ts";
import type { MountTask } from "../guest/mount-task.ts";
import { flush, stop } from "../lifecycle/shutdown.ts";
import { type GuestSession, startGuest } from "../lifecycle/start-guest.ts";
import { type CopyIn, copyTarget } from "../transfer/copy-in.ts";
import { planStep, startCopy, type StepOptions, type StepPlan } from "./step-plan.ts";
import {
  decideReuse,
  type KeepVm,
  networkOf,
  pauseForNextStep,
  type PausedState,
  type PausedVm,
  releaseCaches,
  type ReuseResult,
  tryReuseVm,
} from "./vm-reuse.ts";

/** A step in its VM. */
interface ActiveStep extends StepPlan {
  readonly running: GuestSession;
  readonly connection: GuestConnection;
  readonly copy: CopyIn | undefined;
  /** When its guest was there, by `performance.now()`. */
  readonly startedAt: number;
}

/**
 * Runs one step. When it resolves, the step's disks are closed.
 *
 * @returns the paused VM, if the step asks to keep it and it can be reused.
 * @throws ObError as `Sandbox.run`.
 */
export async function runStep(step: SandboxStep, options: StepOptions): Promise<PausedVm | undefined> {
  await using stack = new AsyncDisposableStack();
  if (options.pausedVm) stack.use(options.pausedVm);
  throwIfAborted(options.signal);
  const plan = planStep(step, options);
  await using copy = startCopy(plan);

  const reused = await reuseVm(plan);
  const running = reused?.running ?? stack.use(await bootVm(plan));
  const { vm, session, shell, signal } = running;

  return await withVmErrors(vm, options.signal, async () => {
    const connection: GuestConnection = { session, shell, signal, onOutput: options.onOutput };
    const active: ActiveStep = { ...plan, running, connection, copy, startedAt: performance.now() };
    const reuse = await decideReuse(running, {
      step,
      connection,
      caches: plan.caches,
      baseline: reused?.baseline,
    });
    if (reuse.kind === "stop") logNotReused(active, reuse.reason);

    const mounted = await mount(active);
    let failure = await runTask(active);
    await unmount(active, mounted);
    if (reuse.kind === "stop") failure ??= await lockedOut(active);
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

/** The VM of the previous step, on this step's disk; undefined if there is none or it cannot be reused. */
async function reuseVm({
  step,
  options,
  caches,
}: StepPlan): Promise<Extract<ReuseResult, { readonly kind: "reused" }> | undefined> {
  const { pausedVm, signal } = options;
  if (!pausedVm) return undefined;
  const result = await tryReuseVm(pausedVm, { step, caches, signal });
  switch (result.kind) {
    case "reused":
      logInfo(options, "Reusing the VM of the previous step.");
      return result;
    case "must-boot":
      logInfo(options, `Booting a new VM: ${result.reason}.`);
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
    snapshots: resources.snapshots,
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
  const { step, running, connection, copy, command, profile, phases, caches } = active;
  phases.start(command.phase);
  try {
    if (step.task.kind === "run") {
      const killStrayProcesses = profile.killStrayProcesses?.(running.bootInfo);
      await runStepCommand(command, { ...connection, killStrayProcesses });
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

/**
 * The error of a step after which no later step could log in; for a last step that is only reported. A VM that can be reused need
 * not be checked: what a login depends on is part of its baseline.
 */
async function lockedOut({
  step,
  running,
  connection,
  startedAt,
  options,
}: ActiveStep): Promise<ObError | undefined> {
  const problem = await checkLogin(running, { connection, duration: performance.now() - startedAt });
  if (problem === undefined) return undefined;
  const text = `This step has left the guest so that no later step can log in to it: ${problem}.`;
  if (step.isLast !== true) return new ObError("STEP_FAILED", text, { hint: loginHint });
  options.emit({ type: "log", level: "warning", text });
  return undefined;
}

/** @throws ObError `STEP_FAILED` if no later step could log in. */
async function stopUnlessLockedOut(active: ActiveStep): Promise<void> {
  const failure = await lockedOut(active);
  await stopVm(active);
  if (failure !== undefined) throw failure;
}

const loginHint =
  "Each step logs in to the guest that the previous one has left, with SSH and then as root. Only the last step of a build may prevent that.";

async function reportFailure(
  { running, options }: ActiveStep,
  { task, error }: { readonly task: RunTask; readonly error: ObError },
): Promise<void> {
  await options.onFailure?.(error, failedStepAccess(running, { task, signal: options.signal }));
}

/** Unmounts the caches and removes the secrets. */
async function unmount(
  { running, connection, profile, phases }: ActiveStep,
  mounted: MountTask | undefined,
): Promise<void> {
  if (!mounted) return;
  const commands = profile.unmount(mounted, running.bootInfo);
  if (commands.length > 0) phases.start("mount");
  for (const each of commands) await runGuestCommand(each, connection);
}

/** Flushes and shuts the guest down; QEMU then has closed the disks. */
async function stopVm(active: ActiveStep): Promise<void> {
  const { running, connection, options, profile, phases } = active;
  phases.start("flush");
  const { state } = await flush(profile.flush(running.bootInfo), connection);
  phases.start("stop");
  await stop(running.vm, { ...connection, signal: options.signal, profile, state });
  phases.end();
}

/** Brings the guest back to its baseline and pauses it. @returns undefined if it could not be kept, and was stopped. */
async function pauseVm(active: ActiveStep, keep: KeepVm): Promise<PausedState | undefined> {
  const { step, running, connection, copy, caches, phases } = active;
  const { signal } = connection;
  // What was attached to the VM for this step is detached.
  await copy?.[Symbol.asyncDispose]();
  const attached = await releaseCaches(running.vm, caches, signal);
  if (attached !== undefined) {
    logNotReused(active, attached);
    await stopUnlessLockedOut(active);
    return undefined;
  }
  phases.start("flush");
  const flushed = await flush(keep.baseline.resetAndFlush(running.bootInfo), connection);
  phases.start("stop");
  const result = await pauseForNextStep(running, { step, keep, flushed, signal });
  if (result.kind === "refused") {
    logNotReused(active, result.reason);
    if (flushed.state === "frozen") await runGuestCommand(keep.vmReuse.thaw(new Date()), connection);
    await stopUnlessLockedOut(active);
    return undefined;
  }
  phases.end();
  return result.paused;
}

function logNotReused({ options }: ActiveStep, reason: string | undefined): void {
  if (reason !== undefined) logInfo(options, `VM will not be reused: ${reason}.`);
}

function logInfo({ emit }: StepOptions, text: string): void {
  emit({ type: "log", level: "info", text });
}
