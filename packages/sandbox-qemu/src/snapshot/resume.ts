import { randomBytes } from "node:crypto";
import { deadline, ObError, type SnapshotPoint } from "@ob/core";
import type { Vm } from "@ob/qemu";
import { loadDevices } from "./migration.ts";

export interface ResumeOptions {
  readonly point: SnapshotPoint;
  /** What the guest prints on its console when a new VM generation id has reseeded its RNG; undefined if it prints nothing. */
  readonly rngReseededPattern: RegExp | undefined;
  readonly signal: AbortSignal;
}

/** What a guest prints when it pauses in its initrd. */
export const initrdPausedPattern = /^obuilder: waiting for a disk\b/m;

/** How long QEMU may take to load the VM, and the guest to reseed its RNG. In milliseconds; about 50 are usual. */
const resumeTimeout = 10_000;

/**
 * Resumes a VM that was started from a snapshot. When this resolves, its RNG has been reseeded.
 *
 * @throws ObError `BOOT_FAILED` if the guest does not report that it reseeded its RNG; `TOOL_FAILED`, `GUEST_LOST`, the
 *   signal's reason.
 */
export async function resume(
  vm: Vm,
  { point, rngReseededPattern, signal: caller }: ResumeOptions,
): Promise<void> {
  using limit = deadline(
    resumeTimeout,
    () =>
      new ObError(
        "BOOT_FAILED",
        `The resumed guest did not reseed its random number generator within ${resumeTimeout / 1000} s.`,
      ),
  );
  const signal = AbortSignal.any([caller, vm.failed, limit.signal]);
  await loadDevices(vm.qmp, signal);
  await vm.qmp.execute("cont", { signal });
  if (rngReseededPattern) await vm.console.waitFor(rngReseededPattern, signal);
  if (point === "initrd") releaseFromInitrd(vm);
}

/** Releases a guest that pauses in its initrd, and sends it the time and a unique seed. */
export function releaseFromInitrd(vm: Vm): void {
  vm.sendSerialLine(`obuilder: go ${Math.round(Date.now() / 1000)} ${randomBytes(32).toString("hex")}`);
}
