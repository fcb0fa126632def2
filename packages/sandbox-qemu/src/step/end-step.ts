import { ObError } from "@ob/core";
import { runGuestCommand } from "../guest/guest-command.ts";
import type { MountTask } from "../guest/mount-task.ts";
import { checkLogin } from "../lifecycle/check-login.ts";
import { flush, stop } from "../lifecycle/shutdown.ts";
import type { ActiveStep } from "./active-step.ts";
import type { GuestRestarts } from "./guest-restarts.ts";

/**
 * The error of a step after which no later step could log in; for a last step that is only reported. A VM that can be reused need
 * not be checked: what a login depends on is part of its baseline.
 */
export async function lockedOut({
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
export async function stopUnlessLockedOut(active: ActiveStep): Promise<void> {
  const failure = await lockedOut(active);
  await stopVm(active);
  if (failure !== undefined) throw failure;
}

const loginHint =
  "Each step logs in to the guest that the previous one has left, with SSH and then as root. Only the last step of a build may prevent that.";

/** Unmounts the caches and removes the secrets. */
export async function unmount(
  { running, connection, profile, phases }: ActiveStep,
  mounted: MountTask | undefined,
): Promise<void> {
  if (!mounted) return;
  const commands = profile.unmount(mounted, running.bootInfo);
  if (commands.length > 0) phases.start("mount");
  for (const each of commands) await runGuestCommand(each, connection);
}

/** Flushes and shuts the guest down; QEMU then has closed the disks. */
export async function stopVm(active: ActiveStep): Promise<void> {
  const { running, connection, options, profile, phases } = active;
  phases.start("flush");
  const { state } = await flush(profile.flush(running.bootInfo), connection);
  await active.restarts?.forbid(state, connection.signal);
  phases.start("stop");
  await stop(running.vm, { ...connection, signal: options.signal, profile, state });
  phases.end();
}

/** Ends a step whose guest may restart, once it no longer does. */
export async function endRestartable(
  active: ActiveStep,
  { restarts, mounted }: { readonly restarts: GuestRestarts; readonly mounted: MountTask | undefined },
): Promise<undefined> {
  const { running, connection } = active;
  await restarts.afterwards(async (guest) => {
    const signal = AbortSignal.any([running.signal, restarts.restarted]);
    const now = {
      ...active,
      running: { ...running, ...guest },
      connection: { ...connection, ...guest, signal },
    };
    // What was mounted is gone with a restart.
    if (guest === undefined) await unmount(now, mounted);
    await stopUnlessLockedOut(now);
  });
}
