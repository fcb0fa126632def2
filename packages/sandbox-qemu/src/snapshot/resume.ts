import { randomBytes } from "node:crypto";
import { ObError, type ResumePoint } from "@ob/core";
import { deadline } from "../abort.ts";
import type { Vm } from "../vm/vm.ts";
import { loadDevices } from "./migration.ts";

export interface ResumeOptions {
  readonly point: ResumePoint;
  /** What the guest says when it has new random numbers, by the machine's new generation id; undefined if it does not. */
  readonly rngReseededPattern: RegExp | undefined;
  readonly signal: AbortSignal;
}

/** What a guest says that waits in its initrd. */
export const initrdPausedPattern = /^obuilder: waiting for a disk\b/m;

/** How long QEMU may take to load the machine, and the guest to notice. In milliseconds; some 50 are usual. */
const resumeTimeout = 10_000;

/**
 * Lets a machine go on that was started with what was saved of it. When this resolves, its random numbers are its own.
 *
 * @throws ObError `BOOT_FAILED` if the guest does not take new random numbers; `TOOL_FAILED`, `GUEST_LOST`, the
 *   signal's reason.
 */
export async function resume(
  vm: Vm,
  { point, rngReseededPattern: reseeded, signal }: ResumeOptions,
): Promise<void> {
  using limit = deadline(
    resumeTimeout,
    () => new ObError("BOOT_FAILED", "The resumed guest did not take new random numbers in time."),
  );
  const living = AbortSignal.any([signal, vm.failed, limit.signal]);
  await loadDevices(vm.qmp, living);
  await vm.qmp.execute("cont", { signal: living });
  if (reseeded) await vm.console.waitFor(reseeded, living);
  if (point === "initrd") releaseFromInitrd(vm);
}

/** Tells a guest that waits in its initrd to go on: the time, and what no other machine that was saved there gets. */
export function releaseFromInitrd(vm: Vm): void {
  vm.sendSerialLine(`obuilder: go ${Math.round(Date.now() / 1000)} ${randomBytes(32).toString("hex")}`);
}
