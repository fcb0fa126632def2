import { type Emit, ObError, type SandboxRunOptions, type SandboxStep } from "@ob/core";
import type { Accelerators, Confinement, HostNetworks } from "@ob/qemu";
import type { GuestCommand, GuestProfile } from "../guest/profile.ts";
import { type Guest, guestProfile, resolveGuest } from "../guest/resolve-guest.ts";
import { inMountOrder } from "../guest/mount-order.ts";
import type { MountTask } from "../guest/mount-task.ts";
import { PhaseTimer } from "../lifecycle/phase-timer.ts";
import { type CacheDisk, cacheDisks } from "../guest/cache-disk.ts";
import type { SandboxOptions } from "../lifecycle/options.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { type CopyIn, copyIn } from "../transfer/copy-in.ts";
import { copyOwner, type KnownOwners } from "../transfer/copy-owner.ts";
import type { PausedVm } from "./paused-vm.ts";

/** What all steps of a sandbox share. */
export interface StepResources {
  readonly options: SandboxOptions;
  readonly accelerators: Accelerators;
  readonly networks: HostNetworks;
  readonly confinement: Confinement;
  readonly snapshots: SnapshotStore;
  readonly knownOwners: KnownOwners;
}

export interface StepOptions extends Pick<SandboxRunOptions, "onOutput" | "onFailure"> {
  readonly resources: StepResources;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** The VM of the previous step. It is reused if possible, and otherwise ended. */
  readonly pausedVm: PausedVm | undefined;
  /** True for the first step of a session: a later build that changes it, or a later step, starts on the same layer. */
  readonly isFirst: boolean;
}

/** A step and what follows from it before there is a VM. */
export interface StepPlan {
  readonly step: SandboxStep;
  readonly options: StepOptions;
  readonly guest: Guest;
  readonly profile: GuestProfile;
  readonly caches: readonly CacheDisk[];
  /** The caches and secrets of a `run`, in the order in which they are mounted. */
  readonly mounts: MountTask | undefined;
  readonly command: GuestCommand;
  readonly phases: PhaseTimer;
}

/**
 * Plans a step before a VM is started for it.
 *
 * @throws ObError `USAGE` or `UNSUPPORTED` for a step that cannot be run.
 */
export function planStep(step: SandboxStep, options: StepOptions): StepPlan {
  const { image, layer, task } = step;
  assertRestartable(task);
  const guest = resolveGuest(image, options.resources.options);
  const profile = guestProfile(guest);
  const mounts = task.kind === "run" ? inMountOrder(task, profile) : undefined;
  // What cannot be mounted is refused before there is a VM.
  if (mounts) profile.mount(mounts);
  return {
    step,
    options,
    guest,
    profile,
    caches: task.kind === "run" ? cacheDisks(task.caches) : [],
    mounts,
    command: task.kind === "run" ? profile.run(task) : profile.unpack,
    phases: new PhaseTimer(layer, options.emit),
  };
}

/** @throws ObError `UNSUPPORTED` for mounts that do not survive a restart of the guest. */
export function assertRestartable(task: SandboxStep["task"]): void {
  if (task.kind !== "run" || task.mayRestart !== true || task.caches.length + task.secrets.length === 0)
    return;
  throw new ObError("UNSUPPORTED", "A step whose guest may restart cannot have caches or secrets.", {
    hint: "Put what needs them into a step of its own.",
  });
}

/** The archive of a copy is read while the guest boots. */
export function startCopy({ step, options, guest, profile }: StepPlan): CopyIn | undefined {
  const { image, task } = step;
  if (task.kind !== "copy") return undefined;
  const { resources, signal, emit } = options;
  const owner = copyOwner(task.user, {
    profile,
    loginUser: guest.loginUser,
    image,
    known: resources.knownOwners,
  });
  const { stateDirectory } = resources.options;
  return copyIn(profile, { openArchive: task.openArchive, owner, stateDirectory, signal, emit });
}
