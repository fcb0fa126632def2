import { readFile, writeFile } from "node:fs/promises";
import { fileIdentity, type ResumePoint, systemCode } from "@ob/core";
import type { DirectBoot, MemoryKind, VmConfig } from "../machine/qemu-argv.ts";
import { autoSlotDisks } from "../machine/pci-slots.ts";
import { supportsHotplug } from "../vm/hot-plug.ts";
import { type DiskHeader, readDiskHeader } from "../snapshot/disk-header.ts";
import { type MountedDisk, type SnapshotKey, snapshotKey } from "../snapshot/snapshot-key.ts";
import type { Snapshot, SnapshotStore } from "../snapshot/snapshot-store.ts";

/** A way to come to a guest that lets us in. */
export type LaunchPlan =
  | { readonly kind: "resume"; readonly machine: LaunchMachine; readonly template: Snapshot }
  /** The initrd `waits` to be told to go on. The machine is to be saved at the points in `saves`. */
  | {
      readonly kind: "boot";
      readonly machine: LaunchMachine;
      readonly waits: boolean;
      readonly saves: SnapshotsToTake;
    };

export interface LaunchMachine {
  readonly config: VmConfig;
  /** Absolute paths of disks that come into the running machine, after those of its start. */
  readonly hotplugDisks: readonly string[];
}

export type SnapshotsToTake = Readonly<Partial<Record<ResumePoint, SnapshotKey>>>;

export interface LaunchPlanOptions {
  /** Undefined: a plain boot is the only way. */
  readonly templates: SnapshotStore | undefined;
  /** At what points the guest can be resumed. */
  readonly resumes: readonly ResumePoint[];
}

/**
 * The ways to start a machine, the quickest first; the last is a boot. Whoever asks for the next one says that the one
 * before has failed, and that its QEMU is gone: its template is thrown away, and the disk is as it was.
 */
export async function* launchPlans(
  config: VmConfig,
  options: LaunchPlanOptions,
): AsyncGenerator<LaunchPlan, void> {
  const plainBoot: LaunchPlan = {
    kind: "boot",
    machine: { config, hotplugDisks: [] },
    waits: false,
    saves: {},
  };
  const { templates } = options;
  const saved = templates?.enabled ? await snapshotVariants(config, options) : undefined;
  if (!templates || !saved) {
    yield plainBoot;
    return;
  }
  const { ready, initrd, waits, machine } = saved;
  const having = (memory: MemoryKind): LaunchMachine => ({
    ...machine,
    config: { ...machine.config, memory },
  });
  const disk = config.disks[0];
  const fresh = await readFile(disk);

  const saves: { -readonly [Point in ResumePoint]?: SnapshotKey } = {};
  for (const key of [ready, initrd]) {
    if (!key) continue;
    await using template = await templates.find(key);
    if (!template) {
      // A boot that is needed for this one can make the others too.
      if (templates.reserve(key)) saves[key.point] = key;
      continue;
    }
    // A machine that is to be saved must be booted: one that is resumed has no memory of its own.
    if (saves.ready) continue;
    try {
      if (key.point === "ready") await template.copyDisk(disk);
      yield { kind: "resume", machine: having("resumed"), template };
    } catch (error) {
      // Somebody else has removed it in between.
      if (systemCode(error) !== "ENOENT") throw error;
    }
    await templates.evict(key);
    await writeFile(disk, fresh);
  }
  if (saves.ready ?? saves.initrd) {
    try {
      yield { kind: "boot", machine: having("shared"), waits, saves };
    } finally {
      for (const key of Object.values(saves)) templates.release(key);
    }
    return;
  }
  yield plainBoot;
}

interface SnapshotVariants {
  /** The machine as it is saved and resumed, but for its memory. */
  readonly machine: LaunchMachine;
  readonly waits: boolean;
  readonly ready: SnapshotKey | undefined;
  readonly initrd: SnapshotKey | undefined;
}

/** Undefined for a machine that is not to be saved. */
async function snapshotVariants(
  config: VmConfig,
  options: LaunchPlanOptions,
): Promise<SnapshotVariants | undefined> {
  const { resumes } = options;
  const { directBoot, disks, hardware } = config;
  const usual =
    // More would not all find a slot while the machine runs.
    disks.length <= autoSlotDisks &&
    config.machine.resumable &&
    hardware.machine === undefined &&
    (hardware.diskBus ?? "virtio") === "virtio" &&
    (hardware.arguments ?? []).length === 0;
  if (process.platform !== "linux" || !usual) return undefined;
  if (directBoot?.initrd === undefined || resumes.length === 0) return undefined;
  const header = await readDiskHeader(disks[0]).catch(() => undefined);
  if (header?.fresh !== true) return undefined;

  const [first, ...others] = disks;
  const later = supportsHotplug(config) ? others : [];
  const waits = resumes.includes("initrd");
  const common: VmConfig = {
    ...config,
    disks: later.length > 0 ? [first] : disks,
    directBoot: waits ? pausingInInitrd(directBoot) : directBoot,
  };
  // A guest that is ready has looked at all disks that it has.
  const alone = common.disks.length === 1 && resumes.includes("ready");
  const disk = alone ? await mountedDisk(header) : undefined;
  const [ready, initrd] = await Promise.all([
    disk && snapshotKey(common, { point: "ready", disk }),
    waits ? snapshotKey(common, { point: "initrd", disk: undefined }) : undefined,
  ]);
  return { machine: { config: common, hotplugDisks: later }, waits, ready, initrd };
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
