import { readFile, writeFile } from "node:fs/promises";
import { type FileIdentity, fileIdentity, type SnapshotPoint, errnoCode } from "@ob/core";
import {
  autoSlotDisks,
  type DataDisk,
  type DirectBoot,
  diskCount,
  isResumable,
  type MemoryKind,
  supportsHotplug,
  type VmConfig,
} from "@ob/qemu";
import { type DiskHeader, readDiskHeader } from "../snapshot/disk-header.ts";
import { type MountedDisk, type SnapshotKey, snapshotKey } from "../snapshot/snapshot-key.ts";
import type { Snapshot, SnapshotStore } from "../snapshot/snapshot-store.ts";

/** How to start a VM. */
export type LaunchPlan =
  | {
      readonly kind: "resume";
      readonly machine: LaunchMachine;
      readonly snapshot: Snapshot;
      /** At the `ready` point. */
      readonly snapshotToTake?: SnapshotKey | undefined;
    }
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
  /** True to take a snapshot on any layer, and not only on a base layer: later VMs are likely to start there. By default false. */
  readonly savesLayer?: boolean | undefined;
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
  const toTake: { -readonly [Point in SnapshotPoint]?: SnapshotKey } = {};
  try {
    yield* resumePlans(config, { snapshots, variants, toTake });
    if (toTake.ready ?? toTake.initrd) {
      const machine = withMemory(variants.machine, "shared");
      yield { kind: "boot", machine, pauseInInitrd: variants.pauseInInitrd, snapshotsToTake: toTake };
      return;
    }
  } finally {
    for (const key of Object.values(toTake)) snapshots.release(key);
  }
  yield plainBoot(config);
}

interface ResumeOptions {
  readonly snapshots: SnapshotStore;
  readonly variants: SnapshotVariants;
  /** Gets the keys of the snapshots that are missing. */
  readonly toTake: { -readonly [Point in SnapshotPoint]?: SnapshotKey };
}

async function* resumePlans(
  { rootDisk }: VmConfig,
  { snapshots, variants, toTake }: ResumeOptions,
): AsyncGenerator<LaunchPlan, void> {
  const freshDisk = await readFile(rootDisk);
  for (const key of variants.keys) {
    await using snapshot = await snapshots.find(key);
    if (!snapshot) {
      const isTaken = key.point === "initrd" || variants.takesReady;
      // One start can take all snapshots that are missing.
      if (isTaken && snapshots.reserve(key)) toTake[key.point] = key;
      continue;
    }
    const { ready } = toTake;
    try {
      if (key.point === "ready") await snapshot.copyDisk(rootDisk);
      const machine = withMemory(variants.machine, ready ? "restored" : "resumed");
      yield { kind: "resume", machine, snapshot, snapshotToTake: ready };
    } catch (error) {
      // Another process has removed it in the meantime.
      if (errnoCode(error) !== "ENOENT") throw error;
    }
    await snapshots.evict(key);
    await writeFile(rootDisk, freshDisk);
  }
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
  /** True if a snapshot of the guest when it is ready is worth to be taken. */
  readonly takesReady: boolean;
}

/** Undefined for a VM without snapshots. */
async function snapshotVariants(
  config: VmConfig,
  { snapshotPoints, savesLayer = false }: LaunchPlanOptions,
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
    // What a step has left on its layer runs while that boots: with a network it could bring into the memory what no layer has.
    takesReady: disk?.layers.length === 1 || (savesLayer && config.network === "none"),
  };
}

/** Only machines that are known to resume, with disks that all find a slot while the VM runs. */
export function supportsSnapshots(config: VmConfig): boolean {
  const { hardware } = config;
  return (
    process.platform === "linux" &&
    isResumable(config) &&
    diskCount(config) <= autoSlotDisks &&
    hardware.machine === undefined &&
    (hardware.diskBus ?? "virtio") === "virtio" &&
    (hardware.arguments ?? []).length === 0
  );
}

function pausingInInitrd(directBoot: DirectBoot): DirectBoot {
  return { ...directBoot, commandLine: `${directBoot.commandLine} obuilder.wait` };
}

/** The layer of a disk; undefined if there is none, or a file below it cannot be read. */
async function mountedDisk({ backing, virtualSize }: DiskHeader): Promise<MountedDisk | undefined> {
  if (!backing) return undefined;
  const layers: FileIdentity[] = [];
  let next: string | undefined = backing.path;
  while (next !== undefined) {
    const header: DiskHeader | undefined = await readDiskHeader(next).catch(() => undefined);
    if (!header || layers.length === maxLayers) return undefined;
    layers.push(await fileIdentity(next));
    next = header.backing?.path;
  }
  return { layers, backing: backing.text, virtualSize };
}

/** More files than a store lets a chain have: their headers may name each other in a circle. */
const maxLayers = 256;
