import { deadline, type Emit, errorMessage, isObError } from "@ob/core";
import type { Vm } from "@ob/qemu";
import type { GuestProfile } from "../guest/profile.ts";
import type { Guest } from "../guest/resolve-guest.ts";
import { saveMachine } from "../snapshot/save.ts";
import type { SnapshotKey } from "../snapshot/snapshot-key.ts";
import type { SnapshotStore } from "../snapshot/snapshot-store.ts";
import { bootTimeoutError, waitForBanner } from "./wait-for-ssh.ts";

export interface TakeSnapshotOptions {
  readonly snapshots: SnapshotStore | undefined;
  /** The caller's. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly key: SnapshotKey;
  /** When its QEMU was started, by `performance.now()`. */
  readonly startedAt: number;
}

/**
 * Takes a snapshot of a VM whose memory is `shared` or `restored`. If it cannot be taken, the VM continues without it.
 *
 * @throws ObError `GUEST_LOST`, the signal's reason.
 */
export async function takeSnapshot(
  vm: Vm,
  { key, startedAt, snapshots, signal, emit }: TakeSnapshotOptions,
): Promise<void> {
  const start = performance.now();
  const disk = key.point === "ready" ? vm.config.rootDisk : undefined;
  try {
    const maxMemory = snapshots?.space ?? 0;
    await snapshots?.save(key, {
      costMs: start - startedAt,
      write: async (directory) => await saveMachine(vm, { directory, disk, maxMemory, signal }),
    });
    const text = `took a VM snapshot (${key.point}) in ${Math.round(performance.now() - start)} ms`;
    emit({ type: "log", level: "debug", text });
  } catch (error) {
    if (signal.aborted || vm.failed.aborted || isObError(error, "GUEST_LOST")) throw error;
    emit({ type: "log", level: "debug", text: `no VM snapshot was taken: ${errorMessage(error)}` });
  }
}

export interface WhenReadyOptions extends TakeSnapshotOptions {
  readonly guest: Pick<Guest, "readyMarker">;
  readonly profile: Pick<GuestProfile, "sshReadyPattern">;
  /** How long the guest may take until then, in seconds. */
  readonly bootTimeSeconds: number;
}

/**
 * Takes a snapshot when the guest's SSH server listens, as its console or, of an unprepared guest, the server itself says.
 *
 * @throws as `takeSnapshot`; ObError `BOOT_FAILED` if that takes too long.
 */
export async function takeSnapshotWhenReady(vm: Vm, options: WhenReadyOptions): Promise<void> {
  const { guest, profile, bootTimeSeconds } = options;
  const { sshReadyPattern } = profile;
  using limit = deadline(bootTimeSeconds * 1000, () =>
    bootTimeoutError(vm, { bootTimeSeconds, sawServer: false }),
  );
  const signal = AbortSignal.any([options.signal, vm.failed, limit.signal]);
  if (guest.readyMarker) await vm.console.waitFor(sshReadyPattern, signal);
  else await waitForBanner(vm, { sshReadyPattern, signal });
  await takeSnapshot(vm, options);
}
