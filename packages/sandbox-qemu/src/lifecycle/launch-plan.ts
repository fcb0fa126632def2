import { readFile, writeFile } from "node:fs/promises";
import { fileIdentity, type SnapshotPoint, errnoCode } from "@ob/core";
import {
  autoSlotDisks,
  type DataDisk,
  type DirectBoot,
  diskCount,
  type MemoryKind,
  supportsHotplug,
  type VmConfig,
} from "@ob/qemu";
import { type DiskHeader, readDiskHeader } from "../snapshot/disk-header.ts";
import { type MountedDisk, type SnapshotKey, snapshotKey } from "../snapshot/snapshot-key.ts";
import type { Snapshot, SnapshotStore } from "../snapshot/snapshot-store.ts";

/** How to start a VM. */
export type LaunchPlan =
  | { readonly kind: "resume"; readonly machine: LaunchMachine; readonly snapshot: Snapshot }
  | {
      readonly kind: "boot";
      readonly machine: LaunchMachine;
      /** True if the guest pauses in its initrd until it is released. */
      readonly pauseInInitrd: boolean;
      readonly snapshotsToTake: SnapshotsToTake;
    };

export interface LaunchMachine {
  readonly config: VmConfig;
  /** The disks to attach to the running VM, in addition to those of `config`. */
  readonly hotplugDisks: readonly DataDisk[];
}

export type SnapshotsToTake = Readonly<Partial<Record<SnapshotPoint, SnapshotKey>>>;

export interface LaunchPlanOptions {
  /** Undefined: the VM is booted, and no snapshot is taken. */
  readonly snapshots: SnapshotStore | undefined;
  /** The points at which the guest can be resumed. */
  readonly snapshotPoints: readonly SnapshotPoint[];
}

/**
 * The plans to start a VM, the fastest first; the last is a boot. Asking for the next plan means that the one before has
 * failed and its QEMU has ended: its snapshot is evicted, and the root disk is restored.
 */
export async function* launchPlans(
  config: VmConfig,
  options: LaunchPlanOptions,
): AsyncGenerator<LaunchPlan, void> {
  const { snapshots } = options;
  const variants = snapshots?.enabled ? await snapshotVariants(config, options) : undefined;
  if (!snapshots || !variants) {
    yield plainBoot(config);
    return;
  }
  const { keys, pauseInInitrd } = variants;
  const { rootDisk } = config;
  const freshDisk = await readFile(rootDisk);

  const snapshotsToTake: { -readonly [Point in SnapshotPoint]?: SnapshotKey } = {};
  for (const key of keys) {
    await using snapshot = await snapshots.find(key);
    if (!snapshot) {
      // One boot can take all snapshots that are missing.
      if (snapshots.reserve(key)) snapshotsToTake[key.point] = key;
      continue;
    }
    // A resumed VM cannot take a snapshot: its memory is not shared.
    if (snapshotsToTake.ready) continue;
    try {
      if (key.point === "ready") await snapshot.copyDisk(rootDisk);
      yield { kind: "resume", machine: withMemory(variants.machine, "resumed"), snapshot };
    } catch (error) {
      // Another process has removed it in the meantime.
      if (errnoCode(error) !== "ENOENT") throw error;
    }
    await snapshots.evict(key);
    await writeFile(rootDisk, freshDisk);
  }
  if (snapshotsToTake.ready ?? snapshotsToTake.initrd) {
    const machine = withMemory(variants.machine, "shared");
    try {
      yield { kind: "boot", machine, pauseInInitrd, snapshotsToTake };
    } finally {
      for (const key of Object.values(snapshotsToTake)) snapshots.release(key);
    }
    return;
  }
  yield plainBoot(config);
}

function plainBoot(config: VmConfig): LaunchPlan {
  return { kind: "boot", machine: { config, hotplugDisks: [] }, pauseInInitrd: false, snapshotsToTake: {} };
}

function withMemory(machine: LaunchMachine, memory: MemoryKind): LaunchMachine {
  return { ...machine, config: { ...machine.config, memory } };
}

interface SnapshotVariants {
  /** The machine as its snapshots are taken and resumed, except for `memory`. */
  readonly machine: LaunchMachine;
  readonly pauseInInitrd: boolean;
  /** The fastest to resume first. */
  readonly keys: readonly SnapshotKey[];
}

/** Undefined for a VM without snapshots. */
async function snapshotVariants(
  config: VmConfig,
  { snapshotPoints }: LaunchPlanOptions,
): Promise<SnapshotVariants | undefined> {
  const { directBoot, disks, rootDisk } = config;
  if (!supportsSnapshots(config) || snapshotPoints.length === 0) return undefined;
  const header = await readDiskHeader(rootDisk).catch(() => undefined);
  if (header?.fresh !== true) return undefined;

  const hotplugDisks = supportsHotplug(config) ? disks : [];
  const pauseInInitrd = directBoot?.initrd !== undefined && snapshotPoints.includes("initrd");
  const common: VmConfig = {
    ...config,
    disks: hotplugDisks.length > 0 ? [] : disks,
    directBoot: pauseInInitrd ? pausingInInitrd(directBoot) : directBoot,
  };
  // A guest that is ready has looked at all of its disks.
  const hasRootOnly = common.disks.length === 0 && snapshotPoints.includes("ready");
  const disk = hasRootOnly ? await mountedDisk(header) : undefined;
  const keys = await Promise.all([
    disk && snapshotKey(common, { point: "ready", disk }),
    pauseInInitrd ? snapshotKey(common, { point: "initrd", disk: undefined }) : undefined,
  ]);
  return {
    machine: { config: common, hotplugDisks },
    pauseInInitrd,
    keys: keys.filter((key) => key !== undefined),
  };
}

/** Only machines that are known to resume, with disks that all find a slot while the VM runs. */
export function supportsSnapshots(config: VmConfig): boolean {
  const { machine, hardware } = config;
  return (
    process.platform === "linux" &&
    machine.resumable &&
    diskCount(config) <= autoSlotDisks &&
    hardware.machine === undefined &&
    (hardware.diskBus ?? "virtio") === "virtio" &&
    (hardware.arguments ?? []).length === 0
  );
}

function pausingInInitrd(directBoot: DirectBoot): DirectBoot {
  return { ...directBoot, commandLine: `${directBoot.commandLine} obuilder.wait` };
}

/** A disk on a base layer, which is what most builds start from; undefined for others. */
async function mountedDisk({ backing, virtualSize }: DiskHeader): Promise<MountedDisk | undefined> {
  if (!backing) return undefined;
  const layer = await readDiskHeader(backing.path).catch(() => undefined);
  if (!layer || layer.backing) return undefined;
  return { layer: await fileIdentity(backing.path), backing: backing.text, virtualSize };
}
