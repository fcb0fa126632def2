import { randomBytes } from "node:crypto";
import { type FirstStepStart, type FurtherStepStart, type ImageSpeed, isObError } from "@ob/core";
import { runGuestCommand } from "../guest/guest-command.ts";
import { supportsSnapshots } from "../lifecycle/launch-plan.ts";
import { seedLength, usableSnapshotPoints } from "../lifecycle/snapshot-points.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";

/**
 * How quickly the steps of builds start on the image of a guest that was booted for this. Its random number generator gets a seed,
 * as after a resume.
 *
 * @throws ObError `GUEST_LOST`, the signal's reason.
 */
export async function imageSpeed(running: GuestSession): Promise<ImageSpeed> {
  const first = await firstStep(running);
  // What an image that prints the ready marker reports besides is not known.
  const isPossible = first.kind === "booted" && first.why === "not-listed" && !running.guest.readyMarker;
  return { first, further: await furtherStep(running), possiblePoints: isPossible ? ["ready"] : [] };
}

async function firstStep({
  guest,
  profile,
  vm,
  session,
  shell,
  signal,
}: GuestSession): Promise<FirstStepStart> {
  if (!supportsSnapshots(vm.config)) return { kind: "booted", why: "machine" };
  const points = usableSnapshotPoints(guest, profile);
  if (guest.readyMarker) {
    return points.length > 0
      ? { kind: "resumed", points, reseededBy: points.includes("ready") ? "vm-generation-id" : "initrd" }
      : { kind: "booted", why: "not-listed" };
  }
  const command = profile.resumedWithSeed?.(new Date(), randomBytes(seedLength));
  if (!command) return { kind: "booted", why: "guest-os" };
  try {
    await runGuestCommand(command, { session, shell, signal });
  } catch (error) {
    if (!isObError(error, command.failure)) throw error;
    return { kind: "booted", why: "random-numbers", detail: error.message };
  }
  return points.length > 0
    ? { kind: "resumed", points, reseededBy: "seed" }
    : { kind: "booted", why: "not-listed" };
}

async function furtherStep({
  profile,
  vm,
  session,
  shell,
  bootInfo,
  signal,
}: GuestSession): Promise<FurtherStepStart> {
  const { vmReuse } = profile;
  if (!vmReuse) return { kind: "started", why: "guest-os" };
  if ((vm.config.hardware.diskBus ?? "virtio") !== "virtio") return { kind: "started", why: "machine" };
  if (vmReuse.onRequest) return { kind: "on-request" };
  if (!shell?.isOpen) return { kind: "started", why: "state", detail: "no persistent root shell" };
  const output = await runGuestCommand(vmReuse.captureBaseline(bootInfo), { session, shell, signal });
  const captured = vmReuse.parseBaseline(output);
  return captured.kind === "baseline"
    ? { kind: "reused" }
    : { kind: "started", why: "state", detail: captured.reason };
}
