import { randomBytes } from "node:crypto";
import { abortReason, deadline, type Emit } from "@ob/core";
import { asBootFailure, attachDisks, type Confinement, Vm, withVmErrors } from "@ob/qemu";
import { bootTimeoutError, type ProbeMode, waitForSsh, type WaitForSshOptions } from "./wait-for-ssh.ts";
import type { Guest } from "../guest/resolve-guest.ts";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import { watchKernelStart } from "./kernel-start.ts";
import type { PhaseTimer } from "./phase-timer.ts";
import type { RootShell } from "../ssh/root-shell.ts";
import { identification } from "../ssh/identification.ts";
import type { SshSession } from "../ssh/session.ts";
import { restoreMemory } from "../snapshot/restore-memory.ts";
import type { BaselineFile } from "../snapshot/baseline-file.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { releaseFromInitrd, initrdPausedPattern, resume } from "../snapshot/resume.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import { preparePortShell } from "./port-shell.ts";
import { prepareGuest } from "./prepare-guest.ts";
import { seedLength } from "./snapshot-points.ts";
import { takeSnapshot, takeSnapshotWhenReady } from "./take-snapshot.ts";

export interface LaunchOptions {
  readonly guest: Guest;
  readonly profile: GuestProfile;
  readonly login: Pick<WaitForSshOptions, "sshReadyPattern" | "user" | "keys" | "bootTimeSeconds">;
  readonly snapshots: SnapshotStore | undefined;
  readonly stateDirectory: string;
  readonly confinement: Confinement;
  /** See `StartOptions` of @ob/qemu. */
  readonly consoleLog: string | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly phases: PhaseTimer | undefined;
  /** Owns the VM and the session, whether `launch` succeeds or not. */
  readonly stack: AsyncDisposableStack;
  /** True if a VM whose kernel does not start is to be abandoned; see `startAgainIfHung`. */
  readonly watched: boolean;
}

export interface LaunchedGuest {
  readonly vm: Vm;
  readonly session: SshSession;
  /** The persistent root shell; see `GuestProfile.rootShell`. */
  readonly shell: RootShell | undefined;
  /** What `GuestProfile.prepare` printed. */
  readonly bootInfo: string;
  /** Of a guest that was resumed from a snapshot at its `ready` point. */
  readonly baselineFile: BaselineFile | undefined;
  /** Fires when the caller cancels or the VM fails, with the reason. */
  readonly signal: AbortSignal;
  /** When its QEMU was started. */
  readonly startedAt: Date;
}

/**
 * Starts a VM by one of its launch plans, and logs in.
 *
 * @throws ObError as `Sandbox.openEphemeral`, and for a resumed VM anything else that can go wrong.
 */
export async function launch(plan: LaunchPlan, options: LaunchOptions): Promise<LaunchedGuest> {
  const { login, profile, signal: caller, emit, phases, stack } = options;
  const { stateDirectory, confinement, consoleLog } = options;
  const { config, hotplugDisks } = plan.machine;
  const start = performance.now();
  const startedAt = new Date();
  const vm = stack.use(
    await Vm.start(config, {
      ...{ stateDirectory, confinement, consoleLog, emit, signal: caller },
      laterDisks: hotplugDisks.map(({ file }) => file),
      panic: profile.panicPattern,
      greeting: identification,
      saved: plan.kind === "resume" ? plan.snapshot.saved : undefined,
    }),
  );
  return await withVmErrors(vm, caller, async () => {
    const signal = AbortSignal.any([caller, vm.failed]);
    using _ = options.watched ? watchKernelStart(vm, login.bootTimeSeconds) : undefined;
    const starting = { ...options, startedAt: start };
    const probe =
      plan.kind === "resume" ? await resumeGuest(vm, plan, starting) : await bootGuest(vm, plan, starting);
    const setClock = isReady(plan) ? profile.setClock?.(new Date()) : undefined;
    const reject = config.network === "none" ? profile.rejectConnections : undefined;
    const warmUp = config.accelerator === "tcg" ? profile.warmUp : undefined;
    const commands = [setClock, reject, warmUp].filter((command) => command !== undefined);
    const mustBeInTime = setClock !== undefined;
    const shellOnPort = preparePortShell(vm, { commands, mustBeInTime, signal });
    const bootTimeSeconds = bootTimeout(plan, login.bootTimeSeconds);
    const [session] = await Promise.all([
      waitForSsh(vm, { ...login, bootTimeSeconds, probe, signal: caller, emit }),
      attachDisks(vm, hotplugDisks, signal),
    ]);
    stack.use(session);
    phases?.vmStarted(plan.kind);
    phases?.start("login");
    const timeoutMs = login.bootTimeSeconds * 1000;
    const portShell = await shellOnPort(session.lost);
    const isPrepared = plan.kind === "boot" || (portShell !== undefined && setClock !== undefined);
    const command = isPrepared ? profile.prepare : afterResume(options);
    const root = await prepareGuest(command, { vm, profile, session, timeoutMs, signal, portShell });
    const how = plan.kind === "resume" ? `resumed from snapshot (${plan.snapshot.key.point})` : "booted";
    const text = `${how}, SSH login after ${Math.round(performance.now() - start)} ms`;
    emit({ type: "log", level: "debug", text });
    return { vm, session, ...root, baselineFile: baselineFileOf(plan), signal, startedAt };
  });
}

export interface LogInAgainOptions extends Pick<LaunchOptions, "guest" | "profile" | "login" | "emit"> {
  /** The caller's. */
  readonly signal: AbortSignal;
  /** Owns the session, whether `logInAgain` succeeds or not. */
  readonly stack: AsyncDisposableStack;
}

/**
 * Waits for a guest that restarts, verifies that it is the one that was started, and prepares it as after its first start.
 *
 * @throws ObError as `launch`.
 */
export async function logInAgain(
  vm: Vm,
  { guest, profile, login, emit, signal: caller, stack }: LogInAgainOptions,
): Promise<Pick<LaunchedGuest, "session" | "shell" | "bootInfo">> {
  const probe = guest.readyMarker ? "on-marker" : "poll";
  const session = stack.use(await waitForSsh(vm, { ...login, probe, signal: caller, emit }));
  const signal = AbortSignal.any([caller, vm.failed]);
  const timeoutMs = login.bootTimeSeconds * 1000;
  const root = await prepareGuest(profile.prepare, { vm, profile, session, timeoutMs, signal });
  return { session, ...root };
}

/** A guest that does not report that it was reseeded is sent a seed before anything else is run. */
function afterResume({ guest, profile }: LaunchOptions): GuestCommand {
  const now = new Date();
  const command = guest.readyMarker
    ? profile.resumed?.(now)
    : profile.resumedWithSeed?.(now, randomBytes(seedLength));
  if (!command) throw new TypeError("guests of this kind are not resumed");
  return command;
}

/** Only a snapshot of a guest that was ready has a baseline: a guest in its initrd still has to boot. */
function baselineFileOf(plan: LaunchPlan): BaselineFile | undefined {
  return isReady(plan) ? plan.snapshot.baselineFile : undefined;
}

/** True if the guest is resumed at the end of its boot. */
function isReady(plan: LaunchPlan): plan is PlanOf<"resume"> {
  return plan.kind === "resume" && plan.snapshot.key.point === "ready";
}

type PlanOf<Kind extends LaunchPlan["kind"]> = Extract<LaunchPlan, { readonly kind: Kind }>;

/** Resolves when the guest runs again, and the snapshot of the plan was taken. */
async function resumeGuest(
  vm: Vm,
  plan: PlanOf<"resume">,
  { startedAt, ...options }: LaunchOptions & { readonly startedAt: number },
): Promise<ProbeMode> {
  const { snapshot, snapshotToTake: key } = plan;
  const { guest, profile, login, signal } = options;
  const { point } = snapshot.key;
  if (key) await restoreMemory(vm, snapshot.saved.memory, AbortSignal.any([signal, vm.failed]));
  // Until the guest reports that it was reseeded, its random numbers are those of every VM resumed from this snapshot.
  const reports = guest.readyMarker && guest.snapshotPoints.includes("ready");
  const rngReseededPattern = reports ? profile.rngReseededPattern : undefined;
  await resume(vm, { point, rngReseededPattern, signal });
  if (!key) return point === "ready" ? "immediate" : "on-marker";
  const bootTimeSeconds = bootTimeout(plan, login.bootTimeSeconds);
  await takeSnapshotWhenReady(vm, { ...options, bootTimeSeconds, key, startedAt });
  return "immediate";
}

/** Resolves when all snapshots of the plan were taken. */
async function bootGuest(
  vm: Vm,
  { pauseInInitrd, snapshotsToTake }: PlanOf<"boot">,
  options: LaunchOptions & { readonly startedAt: number },
): Promise<ProbeMode> {
  const { guest, login, signal: caller } = options;
  const { bootTimeSeconds } = login;
  const { initrd, ready } = snapshotsToTake;
  try {
    if (pauseInInitrd) {
      using limit = deadline(bootTimeSeconds * 1000, () =>
        bootTimeoutError(vm, { bootTimeSeconds, sawServer: false }),
      );
      await vm.console.waitFor(initrdPausedPattern, AbortSignal.any([caller, vm.failed, limit.signal]));
      if (initrd) await takeSnapshot(vm, { ...options, key: initrd });
      releaseFromInitrd(vm);
    }
    if (!ready) return guest.readyMarker ? "on-marker" : "poll";
    await takeSnapshotWhenReady(vm, { ...options, key: ready, bootTimeSeconds });
    return "immediate";
  } catch (error) {
    throw caller.aborted ? abortReason(caller) : asBootFailure(error);
  }
}

/** A resumed VM is ready much sooner than a booted one; if it is not, booting is better. In seconds. */
function bootTimeout(plan: LaunchPlan, bootTimeSeconds: number): number {
  if (plan.kind === "boot") return bootTimeSeconds;
  return bootTimeSeconds / (plan.snapshot.key.point === "ready" ? 4 : 2);
}
