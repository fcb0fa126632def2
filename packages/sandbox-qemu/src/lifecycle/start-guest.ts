import { type Emit, errorMessage, isObError, throwIfAborted } from "@ob/core";
import {
  type Accelerators,
  type Confinement,
  type DirectBoot,
  type HostNetworks,
  type Machine,
  machineFor,
  type VmConfig,
} from "@ob/qemu";
import type { GuestProfile } from "../guest/profile.ts";
import type { Guest } from "../guest/resolve-guest.ts";
import type { CacheDisk } from "../guest/cache-disk.ts";
import type { SandboxOptions } from "./options.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { type LoginKey, loginKeys } from "../ssh/keys.ts";
import { noKey } from "../ssh/session.ts";
import { assertRoomForCaches } from "./cache-limit.ts";
import { startAgainIfHung } from "./kernel-start.ts";
import { launch, type LaunchedGuest, type LaunchOptions } from "./launch.ts";
import { type LaunchPlan, launchPlans } from "./launch-plan.ts";
import { usableSnapshotPoints } from "./snapshot-points.ts";
import type { PhaseTimer } from "./phase-timer.ts";

export interface StartGuestOptions {
  readonly options: SandboxOptions;
  readonly guest: Guest;
  /** That of `guest`. */
  readonly profile: GuestProfile;
  /** See `VmConfig`. */
  readonly rootDisk: string;
  readonly caches: readonly CacheDisk[];
  readonly network: "none" | "host";
  /** See `VmConfig.cdrom`. */
  readonly cdrom?: boolean;
  readonly accelerators: Accelerators;
  /** Needed for a guest with a network. */
  readonly networks?: HostNetworks | undefined;
  readonly confinement: Confinement;
  /** By default the VM is booted, and no snapshot is taken. */
  readonly snapshots?: SnapshotStore | undefined;
  /** See `LaunchPlanOptions`. */
  readonly savesLayer?: boolean | undefined;
  readonly phases?: PhaseTimer | undefined;
  /** See `StartOptions` of @ob/qemu. */
  readonly consoleLog?: string | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** A guest that is logged in to. Disposing ends its VM at once. */
export interface GuestSession extends LaunchedGuest, AsyncDisposable {
  readonly guest: Guest;
  readonly profile: GuestProfile;
  /** Whom and with what one logs in, and how long the guest may take to start. */
  readonly login: LaunchOptions["login"];
}

/** @throws ObError as `Sandbox.openEphemeral`. */
export async function startGuest(start: StartGuestOptions): Promise<GuestSession> {
  const { guest, profile, options, confinement, snapshots, savesLayer, phases } = start;
  const { consoleLog, signal, emit } = start;
  const { bootTimeSeconds, stateDirectory, sshKey } = options;
  throwIfAborted(signal);
  assertRoomForCaches(guest, start.caches.length);
  // Before the VM: without a key it would be of no use.
  const needs = [keysFor(guest, { sshKey, emit }), vmConfig(start), confinement.findOut()] as const;
  // When one has failed, the others do not go on by themselves.
  await Promise.allSettled(needs);
  const [keys, config] = await Promise.all(needs);
  const login = { sshReadyPattern: profile.sshReadyPattern, user: guest.loginUser, keys, bootTimeSeconds };
  const vmOptions = { confinement, stateDirectory, consoleLog };
  const common = { guest, profile, login, snapshots, ...vmOptions, phases, signal, emit };
  const snapshotPoints = usableSnapshotPoints(guest, profile);
  for await (const plan of launchPlans(config, { snapshots, snapshotPoints, savesLayer })) {
    phases?.start("boot");
    try {
      if (plan.kind === "resume") return await launchSession(plan, { ...common, watched: false });
      return await startAgainIfHung(
        async ({ watched }) => await launchSession(plan, { ...common, watched }),
        emit,
      );
    } catch (error) {
      if (plan.kind === "boot" || isObError(error, ...nonRetryable)) throw error;
      const text = `snapshot restore failed; trying the next start method: ${errorMessage(error)}`;
      emit({ type: "log", level: "info", text });
    }
  }
  throw new TypeError("the last launch plan is not a boot");
}

async function launchSession(plan: LaunchPlan, common: Omit<LaunchOptions, "stack">): Promise<GuestSession> {
  await using stack = new AsyncDisposableStack();
  const { guest, profile } = common;
  const launched = await launch(plan, { ...common, stack });
  const owned = stack.move();
  return {
    guest,
    profile,
    login: common.login,
    ...launched,
    [Symbol.asyncDispose]: async () => await owned.disposeAsync(),
  };
}

async function vmConfig(start: StartGuestOptions): Promise<VmConfig> {
  const { options, guest, profile, rootDisk, caches: disks, cdrom = false, signal, emit } = start;
  const { memoryMib, cpus } = options;
  const { hardware } = guest;
  const machine = machineFor(guest.arch);
  const caller = { signal, emit };
  const [program, accelerator, connected] = await Promise.all([
    programOf(machine, start),
    start.accelerators.choose(machine, caller),
    networkOf(start, machine),
  ]);
  const args = profile.tuneKernel?.(accelerator).args ?? [];
  const directBoot = guest.directBoot && withKernelArgs(guest.directBoot, args);
  return {
    machine,
    ...program,
    accelerator,
    memoryMib,
    cpus,
    rootDisk,
    disks,
    ...connected,
    guestPort: sshPort,
    cdrom,
    rootShellPort: guest.rootShellPort,
    directBoot,
    hardware,
  };
}

async function programOf(
  machine: Machine,
  { profile, confinement, signal, emit }: StartGuestOptions,
): Promise<Pick<VmConfig, "version" | "removals">> {
  const caller = { signal, emit };
  const version = await confinement.versions.of(machine.binary, caller);
  const needs = { keyboard: profile.needsKeyboard ?? true };
  return { version, removals: await confinement.removals(machine, needs, caller) };
}

async function networkOf(
  { network, networks, signal, emit }: StartGuestOptions,
  machine: Machine,
): Promise<Pick<VmConfig, "network" | "hostLoopback">> {
  if (network === "none") return { network };
  if (!networks) throw new TypeError("nothing connects this guest with the host's network");
  return { network: await networks.choose(machine, { signal, emit }), hostLoopback: networks.hostLoopback };
}

/** Where guests have their SSH server. */
const sshPort = 22;

async function keysFor(
  { sshKey: manifest, loginUser }: Guest,
  { sshKey: option, emit }: { readonly sshKey: string | undefined; readonly emit: Emit },
): Promise<readonly LoginKey[]> {
  const { keys, named } = await loginKeys({ option, manifest });
  if (keys.length === 0) throw noKey(loginUser);
  if (manifest !== undefined && option !== undefined) {
    const text = "The image names its own SSH key: the one that was given is not offered.";
    emit({ type: "log", level: "info", text });
  }
  const offered = keys.map(({ label }) => label).join(", ");
  if (named) emit({ type: "log", level: "debug", text: `The guest is offered the SSH key ${offered} only.` });
  else {
    const text = `The image names no SSH key: the guest is offered your own (${offered}).`;
    emit({ type: "log", level: "info", text });
  }
  return keys;
}

function withKernelArgs(directBoot: DirectBoot, args: readonly string[]): DirectBoot {
  return { ...directBoot, commandLine: [directBoot.commandLine, ...args].join(" ") };
}

/** Errors that every other launch plan would end with as well. */
const nonRetryable = [
  "CANCELLED",
  "TIMEOUT",
  "LOGIN_FAILED",
  "MISSING_TOOL",
  "NO_SPACE",
  "WRONG_MACHINE",
] as const;
