import { isDeepStrictEqual } from "node:util";
import { type GuestImage, isObError, errorMessage, type SandboxStep } from "@ob/core";
import {
  attachDisks,
  autoSlotDisks,
  detachDisk,
  detachRootDisk,
  openDisk,
  supportsHotplug,
  swapRootDisk,
  type Vm,
  type VmConfig,
  withVmErrors,
} from "@ob/qemu";
import { type GuestConnection, runGuestCommand } from "../guest/guest-command.ts";
import type { Baseline, VmReuse } from "../guest/profile.ts";
import type { Flushed } from "../lifecycle/shutdown.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import type { CacheDisk } from "../guest/cache-disk.ts";
import { type ClosedDisk, diskIdentity, isChildDisk } from "./closed-disk.ts";

/** Whether a step's VM is kept for the next step. */
export type ReuseDecision =
  | KeepVm
  /** Without a reason if the step did not ask to keep it. */
  | { readonly kind: "stop"; readonly reason: string | undefined };

export interface KeepVm {
  readonly kind: "keep";
  readonly vmReuse: VmReuse;
  readonly baseline: Baseline;
}

/** A VM between two steps: its guest is frozen, its vCPUs are stopped, and its root disk is closed. */
export interface PausedState {
  readonly running: GuestSession;
  readonly image: GuestImage;
  readonly keep: KeepVm;
  /** The disk of the step that ran last. */
  readonly disk: ClosedDisk;
}

/** Disposing ends the VM. */
export interface PausedVm extends PausedState, AsyncDisposable {}

/** The VM of the previous step on the disk of the next, or why that step needs a VM of its own. */
export type ReuseResult =
  | { readonly kind: "reused"; readonly running: GuestSession; readonly baseline: Baseline }
  | { readonly kind: "must-boot"; readonly reason: string };

export interface DecideOptions {
  readonly step: SandboxStep;
  readonly connection: GuestConnection;
  readonly caches: readonly CacheDisk[];
  /** Of a VM that was reused for this step. */
  readonly baseline: Baseline | undefined;
}

/**
 * Decides, before anything of the step runs, whether the VM can be reused for the next step. Captures the baseline of a VM
 * that was booted for this step.
 *
 * @throws ObError as `runGuestCommand`.
 */
export async function decideReuse(
  running: GuestSession,
  { step, connection, caches, baseline }: DecideOptions,
): Promise<ReuseDecision> {
  if (step.keepVm !== true) return { kind: "stop", reason: undefined };
  const { vm, profile, shell } = running;
  const { vmReuse } = profile;
  const refusal = whyNotKept(step);
  if (refusal !== undefined) return { kind: "stop", reason: refusal };
  if (!supportsCacheHotplug(vm.config, caches))
    return { kind: "stop", reason: "machine cannot hot-unplug disks" };
  if (!vmReuse) return { kind: "stop", reason: "not supported by the guest OS" };
  if (baseline !== undefined) return { kind: "keep", vmReuse, baseline };
  if (!shell?.isOpen) return { kind: "stop", reason: "no persistent root shell" };
  if ((vm.config.hardware.diskBus ?? "virtio") !== "virtio")
    return { kind: "stop", reason: "root disk is not virtio" };
  return await captureBaseline(running, { vmReuse, connection, caches });
}

interface CaptureOptions {
  readonly vmReuse: VmReuse;
  readonly connection: GuestConnection;
  readonly caches: readonly CacheDisk[];
}

/** The baseline of a VM that was just booted or resumed; that of a snapshot is captured once and kept beside it. */
async function captureBaseline(
  { bootInfo, baselineFile, startedAt }: GuestSession,
  { vmReuse, connection, caches }: CaptureOptions,
): Promise<ReuseDecision> {
  const stored = await baselineFile?.read();
  const known = stored === undefined ? undefined : vmReuse.parseBaseline(stored);
  if (known?.kind === "baseline")
    return { kind: "keep", vmReuse, baseline: known.baseline.withClock(bootInfo) };
  const output = await runGuestCommand(vmReuse.captureBaseline(bootInfo), connection);
  const captured = vmReuse.parseBaseline(output);
  if (captured.kind === "refused") return { kind: "stop", reason: captured.reason };
  const { baseline } = captured;
  // Caches, and files made since the snapshot was taken, are not part of other VMs resumed from it.
  const isSpecific = caches.length > 0 || baseline.hasFilesNewerThan(startedAt);
  if (!isSpecific) await baselineFile?.write(output);
  return { kind: "keep", vmReuse, baseline };
}

export interface PauseOptions {
  readonly step: SandboxStep;
  readonly keep: KeepVm;
  readonly flushed: Flushed;
  readonly signal: AbortSignal;
}

/**
 * Pauses a guest that was reset to its baseline and frozen, and has QEMU close the step's disk.
 *
 * @returns why that is not possible; the VM can then still be stopped.
 * @throws ObError `GUEST_LOST`, the signal's reason.
 */
export async function pauseForNextStep(
  running: GuestSession,
  { step, keep, flushed, signal }: PauseOptions,
): Promise<
  | { readonly kind: "paused"; readonly paused: PausedState }
  | { readonly kind: "refused"; readonly reason: string }
> {
  if (flushed.state !== "frozen") return { kind: "refused", reason: "file systems cannot be frozen" };
  const change = keep.baseline.diff(flushed.report);
  if (change !== undefined) return { kind: "refused", reason: `guest state changed since boot: ${change}` };
  const detached = await detachRootDisk(running.vm, step.disk, signal);
  if (!detached) return { kind: "refused", reason: "QEMU cannot swap the root disk" };
  const disk = { identity: await diskIdentity(step.disk), virtualSize: detached.virtualSize };
  return { kind: "paused", paused: { running, image: step.image, keep, disk } };
}

export interface ReuseOptions {
  readonly step: SandboxStep;
  readonly caches: readonly CacheDisk[];
  readonly signal: AbortSignal;
}

/**
 * Resumes a paused VM on the disk of the next step. Until its vCPUs run, any failure only means that a VM must be booted.
 *
 * @throws ObError `GUEST_LOST` and the like once the vCPUs run; the signal's reason.
 */
export async function tryReuseVm(paused: PausedVm, options: ReuseOptions): Promise<ReuseResult> {
  const { step, caches, signal: caller } = options;
  const { running, keep } = paused;
  const { vm, session, shell } = running;
  const signal = AbortSignal.any([caller, vm.failed]);
  const reason =
    whyNotReused(paused, options) ??
    (await openNextDisk(paused, { disk: step.disk, caches, signal, caller }));
  if (reason !== undefined) return { kind: "must-boot", reason };
  return await withVmErrors(vm, caller, async () => {
    await swapRootDisk(vm, signal);
    const output = await runGuestCommand(keep.vmReuse.thaw(new Date()), { session, shell, signal });
    await attachDisks(vm, caches, signal);
    const baseline = keep.baseline.withClock(output);
    return { kind: "reused", running: { ...running, signal }, baseline };
  });
}

function whyNotReused(
  { running, image }: PausedVm,
  { step, caches }: Pick<ReuseOptions, "step" | "caches">,
): string | undefined {
  const { vm, session, shell } = running;
  if (vm.failed.aborted || session.lost.aborted || !shell?.isOpen) return "the previous VM has ended";
  if (!isDeepStrictEqual(image, step.image)) return "the base image differs";
  if (networkOf(step) !== vm.config.network) return "the network differs";
  if (mayRestart(step)) return "the step may restart its guest";
  if (!supportsCacheHotplug(vm.config, caches)) return "machine cannot hot-plug disks";
  return undefined;
}

/** Opens the disk of the next step in the paused VM. @returns why it cannot take the place of the previous disk. */
async function openNextDisk(
  { running, disk: previous }: PausedVm,
  {
    disk,
    caches,
    signal,
    caller,
  }: Pick<ReuseOptions, "caches" | "signal"> & { readonly disk: string; readonly caller: AbortSignal },
): Promise<string | undefined> {
  try {
    // While a VM can still be booted instead.
    for (const { file } of caches) await running.vm.showDisk({ file, format: "qcow2" });
    const opened = await openDisk(running.vm, disk, signal);
    return (await isChildDisk(previous, opened))
      ? undefined
      : "root disk is not a child of the previous layer";
  } catch (error) {
    if (caller.aborted) throw error;
    return errorMessage(error);
  }
}

/** Detaches the caches of a step from its VM. @returns why that is not possible. */
export async function releaseCaches(
  vm: Vm,
  caches: readonly CacheDisk[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const results = await Promise.all(
    caches.map(async ({ node, file, target }) => {
      try {
        await detachDisk(vm, { node, file }, signal);
        return undefined;
      } catch (error) {
        if (isObError(error, "TOOL_FAILED")) return `the guest did not release the cache at ${target}`;
        throw error;
      }
    }),
  );
  return results.find((reason) => reason !== undefined);
}

/** The network of a step's VM. A copy needs none. */
export function networkOf({ task }: SandboxStep): "none" | "host" {
  return task.kind === "run" ? task.network : "none";
}

/** Whether the guest of a step may restart: such a VM is booted for the step, and serves no other. */
export function mayRestart({ task }: Pick<SandboxStep, "task">): boolean {
  return task.kind === "run" && task.mayRestart === true;
}

/**
 * Why the VM of a step is not reused by the next one, whatever the guest reports; undefined if it may be. A step that is
 * root can hide what it leaves behind: the secrets of a step may still be in memory, and a network may still be up.
 */
export function whyNotKept({ task }: SandboxStep): string | undefined {
  if (task.kind !== "run") return undefined;
  if (task.secrets.length > 0) return "the step had secrets";
  if (task.network !== "none") return "the step had a network";
  if (task.mayRestart === true) return "the step may restart its guest";
  return undefined;
}

/** True if the caches can be attached and detached while the guest runs. */
function supportsCacheHotplug(config: VmConfig, caches: readonly CacheDisk[]): boolean {
  return caches.length === 0 || (caches.length < autoSlotDisks && supportsHotplug(config));
}
