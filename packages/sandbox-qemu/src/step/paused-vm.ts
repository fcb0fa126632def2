import { isDeepStrictEqual } from "node:util";
import { errorMessage, type GuestImage, type SandboxStep } from "@ob/core";
import { detachRootDisk, openDisk, swapRootDisk, withVmErrors } from "@ob/qemu";
import type { CacheDisk } from "../guest/cache-disk.ts";
import { runGuestCommand } from "../guest/guest-command.ts";
import type { Baseline } from "../guest/profile.ts";
import type { Flushed } from "../lifecycle/shutdown.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import { attachCaches, canExchangeCaches } from "./reused-caches.ts";
import { type ClosedDisk, diskIdentity, isChildDisk } from "./closed-disk.ts";
import { hasLostShell, type KeepVm, mayRestart, networkOf } from "./vm-reuse.ts";

/** A VM between two steps: its guest is frozen, its vCPUs are stopped, and its root disk is closed. */
export interface PausedState {
  readonly running: GuestSession;
  readonly image: GuestImage;
  readonly keep: KeepVm;
  /** The disk that has the contents that the guest knows: that of the step that ran last. */
  readonly disk: ClosedDisk;
  /** What its guest is connected with. */
  readonly network: "none" | "host";
  /** Disposed of when its guest is to answer again. */
  readonly silence: Disposable;
  /** Of a VM that was kept ready: what it has written to a disk on that layer, as a qcow2 file. */
  readonly contents?: Uint8Array | undefined;
}

/** Disposing ends the VM. */
export interface PausedVm extends PausedState, AsyncDisposable {}

/** The VM of the previous step on the disk of the next, or why that step needs a VM of its own. */
export type ReuseResult =
  | { readonly kind: "reused"; readonly running: GuestSession; readonly baseline: Baseline }
  | {
      readonly kind: "must-boot";
      readonly reason: string;
      /** In words that come neither from a guest nor from QEMU; undefined if the VM ran no step. */
      readonly ownReason?: string;
    };

export interface PauseOptions {
  readonly step: Pick<SandboxStep, "disk" | "image">;
  readonly network: "none" | "host";
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
  { step, network, keep, flushed, signal }: PauseOptions,
): Promise<
  | { readonly kind: "paused"; readonly paused: PausedState }
  | { readonly kind: "refused"; readonly reason: string; readonly ownReason?: string }
> {
  if (flushed.state !== "frozen") return { kind: "refused", reason: "file systems cannot be frozen" };
  const change = keep.baseline.diff(flushed.report);
  if (change !== undefined) {
    const ownReason = "guest state changed since boot";
    return { kind: "refused", reason: `${ownReason}: ${change}`, ownReason };
  }
  const detached = await detachRootDisk(running.vm, step.disk, signal);
  if (!detached) return { kind: "refused", reason: "QEMU cannot swap the root disk" };
  const disk = { identity: await diskIdentity(step.disk), virtualSize: detached.virtualSize };
  const silence = running.session.expectSilence();
  return { kind: "paused", paused: { running, image: step.image, keep, disk, network, silence } };
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
  const refusal = whyNotReused(paused, options);
  if (refusal !== undefined) return { kind: "must-boot", reason: refusal, ownReason: refusal };
  const reason = await openNextDisk(paused, { disk: step.disk, caches, signal, caller });
  if (reason !== undefined) return { kind: "must-boot", reason, ownReason: "it could not open the disk" };
  return await withVmErrors(vm, caller, async () => {
    await swapRootDisk(vm, signal);
    paused.silence[Symbol.dispose]();
    const connection = { session, shell, signal };
    const output = await runGuestCommand(keep.vmReuse.thaw(new Date()), connection);
    await attachCaches(running, { caches, connection });
    const baseline = keep.baseline.withClock(output);
    const bootInfo = keep.vmReuse.bootInfoAfter?.(output) ?? running.bootInfo;
    return { kind: "reused", running: { ...running, bootInfo, signal }, baseline };
  });
}

function whyNotReused(
  { running, image, network }: PausedVm,
  { step, caches }: Pick<ReuseOptions, "step" | "caches">,
): string | undefined {
  const { vm, session, shell, profile } = running;
  const hasEnded = vm.failed.aborted || session.lost.aborted || hasLostShell(profile, shell);
  if (hasEnded) return "the previous VM has ended";
  if (!isDeepStrictEqual(image, step.image)) return "the base image differs";
  if (networkOf(step) !== network) return "the network differs";
  if (mayRestart(step)) return "the step may restart its guest";
  if (!canExchangeCaches(running, caches)) return "machine cannot hot-plug disks";
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
