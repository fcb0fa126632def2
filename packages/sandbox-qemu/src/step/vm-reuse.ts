import { isDeepStrictEqual } from "node:util";
import { fileIdentity, type GuestImage, isObError, messageOf, type SandboxStep } from "@ob/core";
import { withVmErrors } from "../vm/vm-failure.ts";
import { diskName, type VmConfig } from "../machine/qemu-argv.ts";
import { autoSlotDisks } from "../machine/pci-slots.ts";
import { diskSerial } from "../machine/disk-serial.ts";
import { swapRootDisk, openDisk, type OpenedDisk, detachRootDisk } from "../vm/root-disk-swap.ts";
import { attachDisk, supportsHotplug } from "../vm/hot-plug.ts";
import { runGuestCommand, type GuestConnection } from "../guest/guest-command.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";
import type { Flushed } from "../lifecycle/shutdown.ts";

/** A guest that stands still after a step, frozen, its disk closed. Disposing ends it. */
export interface PausedVm extends AsyncDisposable {
  readonly running: GuestSession;
  readonly image: GuestImage;
  /** See `GoingOn.note`. */
  readonly baseline: string;
  /** The disk that the step has left. */
  readonly disk: LeftDisk;
}

/** A disk by what tells it from any other, whatever its name is by now. */
interface LeftDisk {
  readonly identity: string;
  /** In bytes. */
  readonly virtualSize: number;
}

/** How a step's guest can be had without a boot, or why not. */
export type ReuseResult =
  | { readonly kind: "goes on"; readonly running: GuestSession; readonly noted: string }
  | { readonly kind: "boot anew"; readonly why: string };

export interface CaptureOptions {
  /** The one that comes first. */
  readonly step: SandboxStep;
  readonly inGuest: GuestConnection;
}

/**
 * Notes what the boot has made, so that the next step can go on.
 *
 * @returns the note, or why this guest cannot go on.
 * @throws ObError as `perform`.
 */
export async function captureBaseline(
  { profile, shell, vm, baseline, note, startedAt }: GuestSession,
  { step, inGuest }: CaptureOptions,
): Promise<{ readonly noted: string } | { readonly why: string }> {
  const { vmReuse: goingOn } = profile;
  if (!goingOn) return { why: "its system cannot" };
  if (!shell?.isOpen) return { why: "it has no superuser's shell" };
  if ((vm.config.hardware.diskBus ?? "virtio") !== "virtio") return { why: "its disk is none of virtio's" };
  const known = await note?.read();
  if (known !== undefined) return { noted: goingOn.updateClock(known, baseline) };
  const noted = await runGuestCommand(goingOn.captureBaseline(baseline), inGuest);
  const why = /^no: (.*)$/m.exec(noted)?.[1];
  if (why !== undefined) return { why };
  // A step's caches, and what came after the guest had been saved, are none of another guest's.
  const isOwn = cacheDisks(step).length > 0 || goingOn.hasFilesNewerThan(noted, startedAt);
  if (!isOwn) await note?.keep(noted);
  return { noted };
}

export interface PauseOptions {
  readonly step: SandboxStep;
  readonly noted: string;
  readonly flushed: Flushed;
  readonly signal: AbortSignal;
}

/**
 * Lets a guest wait after its step: it is as after its boot, stands still, and QEMU has closed the disk.
 *
 * @returns why it cannot; then it can still be stopped.
 * @throws ObError `GUEST_LOST`, the signal's reason.
 */
export async function pauseForNextStep(
  running: GuestSession,
  { step, noted, flushed, signal }: PauseOptions,
): Promise<Omit<PausedVm, typeof Symbol.asyncDispose> | { readonly why: string }> {
  if (flushed.state !== "frozen") return { why: "its disks cannot be frozen" };
  const change = running.profile.vmReuse?.diffBaseline(noted, flushed.report);
  if (change !== undefined) return { why: `it is not as after its boot: ${change}` };
  const opened = await detachRootDisk(running.vm, signal);
  if (!opened) return { why: "this QEMU cannot change a disk" };
  const { virtualSize } = opened;
  const disk = { identity: (await fileIdentity(step.disk)).id, virtualSize };
  return { running, image: step.image, baseline: noted, disk };
}

export interface ReuseOptions {
  readonly step: SandboxStep;
  readonly signal: AbortSignal;
}

/**
 * Has a waiting guest go on for a step. A guest that was not yet let run is no loss: a boot does as well.
 *
 * @throws ObError `GUEST_LOST` and the like once it runs; the signal's reason.
 */
export async function tryReuseVm(waiting: PausedVm, { step, signal }: ReuseOptions): Promise<ReuseResult> {
  const { vm, session, shell, profile } = waiting.running;
  const living = AbortSignal.any([signal, vm.failed]);
  const why = refusalOf(waiting, step);
  if (why !== undefined) return { kind: "boot anew", why };
  try {
    const opened = await openDisk(vm, step.disk, living);
    if (!(await isChildDisk(waiting.disk, opened))) {
      return { kind: "boot anew", why: "the step's disk is none that stands on its own" };
    }
  } catch (error) {
    if (signal.aborted) throw error;
    return { kind: "boot anew", why: messageOf(error) };
  }
  return await withVmErrors(vm, signal, async () => {
    await swapRootDisk(vm, living);
    const inGuest = { session, shell, signal: living };
    const { vmReuse: goingOn } = profile;
    if (!goingOn) throw new TypeError("a guest waits that cannot go on");
    const woken = await runGuestCommand(goingOn.thaw(new Date()), inGuest);
    await Promise.all(
      cacheDisks(step).map(async (file, index) => {
        const [node, serial] = [diskName(index + 1), diskSerial(index + 1)];
        await attachDisk(vm, { node, file, format: "qcow2", serial }, living);
      }),
    );
    const running = { ...waiting.running, signal: living };
    return { kind: "goes on", running, noted: goingOn.updateClock(waiting.baseline, woken) };
  });
}

function refusalOf({ running, image }: PausedVm, step: SandboxStep): string | undefined {
  const { vm, session, shell } = running;
  if (vm.failed.aborted || session.lost.aborted || !shell?.isOpen) return "it has gone";
  if (!isDeepStrictEqual(image, step.image)) return "it is of another image";
  if (networkOf(step) !== vm.config.network) return "its network is another";
  if (!supportsCacheHotplug(vm.config, step)) return "its machine takes no caches while it runs";
  return undefined;
}

/** The network of a step's machine. What is copied goes in without one. */
export function networkOf({ task }: SandboxStep): "none" | "host" {
  return task.kind === "run" ? task.network : "none";
}

/**
 * Why a step's machine is not reused by the next step, whatever the guest says of itself; undefined if it may be. With
 * root in it a step can hide what it leaves behind: from one that had secrets these may be found in memory, and one that had
 * a network may keep it.
 */
export function whyNotKept({ task }: SandboxStep): string | undefined {
  if (task.kind !== "run") return undefined;
  if (task.secrets.length > 0) return "its step had secrets";
  if (task.network !== "none") return "its step had a network";
  return undefined;
}

/** True if the step's caches can come and go while the guest runs. */
export function supportsCacheHotplug(config: VmConfig, step: SandboxStep): boolean {
  const { length: count } = cacheDisks(step);
  return count === 0 || (count < autoSlotDisks && supportsHotplug(config));
}

/** Absolute paths of a step's cache disks. */
export function cacheDisks({ task }: SandboxStep): readonly string[] {
  return task.kind === "run" ? task.caches.map(({ disk }) => disk) : [];
}

/** The guest remembers what it has read: what it sees from now on must be the same, to the byte. */
async function isChildDisk(left: LeftDisk, { virtualSize, backing }: OpenedDisk): Promise<boolean> {
  if (backing === undefined || virtualSize !== left.virtualSize) return false;
  return (await fileIdentity(backing)).id === left.identity;
}

/** True for what means only that a disk could not be put in or taken out. */
export function isUnsupportedByQemu(error: unknown): boolean {
  return isObError(error, "TOOL_FAILED");
}
