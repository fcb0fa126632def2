import { type Emit, isObError, messageOf, type Phase } from "@ob/core";
import { deadline, reasonOf } from "../abort.ts";
import { withVmErrors } from "../vm/vm-failure.ts";
import { type ProbeMode, type WaitForSshOptions, bootTimeoutError, waitForSsh } from "./wait-for-ssh.ts";
import { diskName } from "../machine/qemu-argv.ts";
import { diskSerial } from "../machine/disk-serial.ts";
import type { Guest } from "../guest/resolve-guest.ts";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import { attachDisk } from "../vm/hot-plug.ts";
import { identify } from "./identify.ts";
import { runGuestCommand, type GuestConnection } from "../guest/guest-command.ts";
import { RootShell } from "../ssh/root-shell.ts";
import type { SshSession } from "../ssh/session.ts";
import { saveMachine } from "../snapshot/save.ts";
import type { SnapshotKey } from "../snapshot/snapshot-key.ts";
import type { BaselineFile } from "../snapshot/baseline-file.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { releaseFromInitrd, initrdPausedPattern, resume } from "../snapshot/resume.ts";
import type { LaunchPlan } from "./launch-plan.ts";
import { asBootFailure, Vm } from "../vm/vm.ts";

export interface LaunchOptions {
  readonly guest: Guest;
  readonly profile: GuestProfile;
  readonly login: Pick<WaitForSshOptions, "sshReadyPattern" | "user" | "keys" | "bootTimeSeconds">;
  readonly templates: SnapshotStore | undefined;
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly enter: (phase: Phase) => void;
  /** Owns the machine and the session, whether this succeeds or not. */
  readonly stack: AsyncDisposableStack;
}

export interface LaunchedGuest {
  readonly vm: Vm;
  readonly session: SshSession;
  /** See `GuestProfile.rootShell`. */
  readonly shell: RootShell | undefined;
  /** See `GuestProfile.ready`. */
  readonly baseline: string;
  /** Where the note of a resumed guest is kept that was ready; others have none. */
  readonly note: BaselineFile | undefined;
  /** Fires when the caller cancels or the guest cannot be used any more, with the reason. */
  readonly signal: AbortSignal;
  /** When its machine was started. */
  readonly startedAt: Date;
}

/**
 * Starts a machine in one of the ways, and logs in.
 *
 * @throws ObError as `Sandbox.visit`, and what else may go wrong with a machine that is resumed.
 */
export async function launch(way: LaunchPlan, options: LaunchOptions): Promise<LaunchedGuest> {
  const { profile, signal, emit, stateDirectory, enter, stack } = options;
  const { config, hotplugDisks: later } = way.machine;
  const start = performance.now();
  const startedAt = new Date();
  const saved = way.kind === "resume" ? way.template.saved : undefined;
  const vm = stack.use(
    await Vm.start(config, { stateDirectory, panic: profile.panicPattern, signal, emit, saved }),
  );
  return await withVmErrors(vm, signal, async () => {
    const living = AbortSignal.any([signal, vm.failed]);
    const probe =
      way.kind === "resume" ? await resumeGuest(vm, way, options) : await bootGuest(vm, way, options);
    const [session] = await Promise.all([
      waitForSsh(vm, { ...options.login, bootTimeSeconds: bootTimeout(way, options), probe, signal, emit }),
      hotplugAll(vm, { disks: later, signal: living }),
    ]);
    stack.use(session);
    enter("login");
    await identify({ session, machineId: vm.id, profile, signal: living });
    const resumed = way.kind === "resume" ? profile.resumed?.(new Date()) : undefined;
    const root = await openRootShell(resumed ?? profile.prepare, { profile, session, signal: living });
    const { disableAslr: sameAddresses } = profile;
    if (config.accelerator === "tcg" && config.directBoot === undefined && sameAddresses) {
      await runGuestCommand(sameAddresses.command, { session, ...root, signal: living });
    }
    const how = way.kind === "resume" ? `resumed (${way.template.key.point})` : "booted";
    const text = `${how}, and let us in, in ${Math.round(performance.now() - start)} ms`;
    emit({ type: "log", level: "debug", text });
    const note =
      way.kind === "resume" && way.template.key.point === "ready" ? way.template.baseline : undefined;
    return { vm, session, ...root, note, signal: living, startedAt };
  });
}

/** Where root's shell cannot be held, the command says what is wrong, or does without. */
async function openRootShell(
  command: GuestCommand,
  { profile, session, signal }: GuestConnection & { readonly profile: GuestProfile },
): Promise<Pick<LaunchedGuest, "shell" | "baseline">> {
  const { rootShell } = profile;
  const shell = rootShell === undefined ? undefined : await RootShell.open(session, rootShell, signal);
  try {
    return { shell, baseline: await runGuestCommand(command, { session, shell, signal }) };
  } catch (error) {
    if (shell === undefined || !isObError(error, "GUEST_LOST") || session.lost.aborted) throw error;
    return { shell: undefined, baseline: await runGuestCommand(command, { session, signal }) };
  }
}

type Of<Kind extends LaunchPlan["kind"]> = Extract<LaunchPlan, { readonly kind: Kind }>;

/** Resolves when the guest runs again. */
async function resumeGuest(vm: Vm, { template }: Of<"resume">, options: LaunchOptions): Promise<ProbeMode> {
  const { guest, profile, signal } = options;
  const { point } = template.key;
  // A guest that tells us is waited for: until then it has the random numbers of all who were resumed before.
  const reseeded = guest.resumes.includes("ready") ? profile.rngReseededPattern : undefined;
  await resume(vm, { point, rngReseededPattern: reseeded, signal });
  return point === "ready" ? "immediate" : "on-marker";
}

/** Resolves when the guest need not be saved any more. */
async function bootGuest(vm: Vm, { waits, saves }: Of<"boot">, options: LaunchOptions): Promise<ProbeMode> {
  const { guest, profile, login, signal } = options;
  const { bootTimeSeconds } = login;
  using limit = deadline(bootTimeSeconds * 1000, () =>
    bootTimeoutError(vm, { bootTimeSeconds, sawServer: false }),
  );
  const living = AbortSignal.any([signal, vm.failed, limit.signal]);
  try {
    if (waits) {
      await vm.console.waitFor(initrdPausedPattern, living);
      if (saves.initrd) await takeSnapshot(vm, { key: saves.initrd, disk: undefined }, options);
      releaseFromInitrd(vm);
    }
    if (!saves.ready) return guest.announcesReady ? "on-marker" : "poll";
    await vm.console.waitFor(profile.sshReadyPattern, living);
    await takeSnapshot(vm, { key: saves.ready, disk: vm.config.disks[0] }, options);
    return "immediate";
  } catch (error) {
    throw signal.aborted ? reasonOf(signal) : asBootFailure(error);
  }
}

/** A machine that cannot be saved goes on without. */
async function takeSnapshot(
  vm: Vm,
  { key, disk }: { readonly key: SnapshotKey; readonly disk: string | undefined },
  { templates, signal, emit }: LaunchOptions,
): Promise<void> {
  const start = performance.now();
  try {
    await templates?.save(key, async (directory) => await saveMachine(vm, { directory, disk, signal }));
    const text = `saved the machine (${key.point}) in ${Math.round(performance.now() - start)} ms`;
    emit({ type: "log", level: "debug", text });
  } catch (error) {
    if (signal.aborted || vm.failed.aborted || isObError(error, "GUEST_LOST")) throw error;
    emit({ type: "log", level: "debug", text: `the machine could not be saved: ${messageOf(error)}` });
  }
}

/** What came up once does so again, and sooner; one that does not is better booted. In seconds. */
function bootTimeout(way: LaunchPlan, { login: { bootTimeSeconds } }: LaunchOptions): number {
  if (way.kind === "boot") return bootTimeSeconds;
  return bootTimeSeconds / (way.template.key.point === "ready" ? 4 : 2);
}

async function hotplugAll(
  vm: Vm,
  { disks, signal }: { readonly disks: readonly string[]; readonly signal: AbortSignal },
): Promise<void> {
  for (const [index, file] of disks.entries()) {
    const place = vm.config.disks.length + index;
    const disk = { node: diskName(place), serial: diskSerial(place), file, format: "qcow2" } as const;
    await attachDisk(vm, disk, signal);
  }
}
