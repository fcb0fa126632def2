import { readFile, writeFile } from "node:fs/promises";
import { type ResumePoint, systemCode } from "@ob/core";
import type { DirectBoot, MemoryKind, VmConfig } from "../command-line.ts";
import { plainDisks } from "../disk-places.ts";
import { takesDisks } from "../hot-plug.ts";
import { type DiskHeader, readDiskHeader } from "./disk-header.ts";
import { identityOfFile } from "./file-identity.ts";
import { type MountedDisk, type TemplateKey, templateKey } from "./template-key.ts";
import type { Template, TemplateStore } from "./template-store.ts";

/** A way to come to a guest that lets us in. */
export type Way =
  | { readonly kind: "resume"; readonly machine: WayMachine; readonly template: Template }
  /** The initrd `waits` to be told to go on. The machine is to be saved at the points in `saves`. */
  | { readonly kind: "boot"; readonly machine: WayMachine; readonly waits: boolean; readonly saves: Saves };

export interface WayMachine {
  readonly config: VmConfig;
  /** Absolute paths of disks that come into the running machine, after those of its start. */
  readonly later: readonly string[];
}

export type Saves = Readonly<Partial<Record<ResumePoint, TemplateKey>>>;

export interface WaysOptions {
  /** Undefined: a plain boot is the only way. */
  readonly templates: TemplateStore | undefined;
  /** At what points the guest can be resumed. */
  readonly resumes: readonly ResumePoint[];
}

/**
 * The ways to start a machine, the quickest first; the last is a boot. Whoever asks for the next one says that the one
 * before has failed, and that its QEMU is gone: its template is thrown away, and the disk is as it was.
 */
export async function* waysToStart(config: VmConfig, options: WaysOptions): AsyncGenerator<Way, void> {
  const plainBoot: Way = { kind: "boot", machine: { config, later: [] }, waits: false, saves: {} };
  const { templates } = options;
  const saved = templates?.enabled ? await savedForms(config, options) : undefined;
  if (!templates || !saved) {
    yield plainBoot;
    return;
  }
  const { ready, initrd, waits, machine } = saved;
  const having = (memory: MemoryKind): WayMachine => ({ ...machine, config: { ...machine.config, memory } });
  const disk = config.disks[0];
  const fresh = await readFile(disk);

  const saves: { -readonly [Point in ResumePoint]?: TemplateKey } = {};
  for (const key of [ready, initrd]) {
    if (!key) continue;
    await using template = await templates.find(key);
    if (!template) {
      // A boot that is needed for this one can make the others too.
      if (templates.claim(key)) saves[key.point] = key;
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
    await templates.discard(key);
    await writeFile(disk, fresh);
  }
  if (saves.ready ?? saves.initrd) {
    try {
      yield { kind: "boot", machine: having("shared"), waits, saves };
    } finally {
      for (const key of Object.values(saves)) templates.giveUp(key);
    }
    return;
  }
  yield plainBoot;
}

interface SavedForms {
  /** The machine as it is saved and resumed, but for its memory. */
  readonly machine: WayMachine;
  readonly waits: boolean;
  readonly ready: TemplateKey | undefined;
  readonly initrd: TemplateKey | undefined;
}

/** Undefined for a machine that is not to be saved. */
async function savedForms(config: VmConfig, options: WaysOptions): Promise<SavedForms | undefined> {
  const { resumes } = options;
  const { directBoot, disks, hardware } = config;
  const usual =
    // More would not all find a slot while the machine runs.
    disks.length <= plainDisks &&
    config.machine.resumable &&
    hardware.machine === undefined &&
    (hardware.diskBus ?? "virtio") === "virtio" &&
    (hardware.arguments ?? []).length === 0;
  if (process.platform !== "linux" || !usual) return undefined;
  if (directBoot?.initrd === undefined || resumes.length === 0) return undefined;
  const header = await readDiskHeader(disks[0]).catch(() => undefined);
  if (header?.fresh !== true) return undefined;

  const [first, ...others] = disks;
  const later = takesDisks(config) ? others : [];
  const waits = resumes.includes("initrd");
  const common: VmConfig = {
    ...config,
    disks: later.length > 0 ? [first] : disks,
    directBoot: waits ? waiting(directBoot) : directBoot,
  };
  // A guest that is ready has looked at all disks that it has.
  const alone = common.disks.length === 1 && resumes.includes("ready");
  const disk = alone ? await mountedDisk(header) : undefined;
  const [ready, initrd] = await Promise.all([
    disk && templateKey(common, { point: "ready", disk }),
    waits ? templateKey(common, { point: "initrd", disk: undefined }) : undefined,
  ]);
  return { machine: { config: common, later }, waits, ready, initrd };
}

function waiting(directBoot: DirectBoot): DirectBoot {
  return { ...directBoot, commandLine: `${directBoot.commandLine} obuilder.wait` };
}

/** A disk on a base layer, which is what most builds start from; undefined for others. */
async function mountedDisk({ backing, virtualSize }: DiskHeader): Promise<MountedDisk | undefined> {
  if (!backing) return undefined;
  const layer = await readDiskHeader(backing.path).catch(() => undefined);
  if (!layer || layer.backing) return undefined;
  return { layer: await identityOfFile(backing.path), backing: backing.text, virtualSize };
}
