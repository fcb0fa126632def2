import type { Emit, LayerId, ScratchDisk } from "@ob/core";
import { type AcceleratorChoice, Confinement, type ConfinementChoice, type NetworkChoice } from "@ob/qemu";
import type { GuestOptions } from "../guest/resolve-guest.ts";

export interface SandboxOptions extends GuestOptions {
  /** The guest's memory, in MiB. */
  readonly memoryMib: number;
  /** The number of the guest's CPUs. */
  readonly cpus: number;
  /** How long a guest may take from the start of QEMU to an SSH login, in seconds. */
  readonly bootTimeSeconds: number;
  /** `auto` chooses the fastest that was verified to run a guest. */
  readonly accelerator: AcceleratorChoice;
  /** What connects steps with the host's network. By default `auto`. */
  readonly network?: NetworkChoice | undefined;
  /** See `HostNetworksOptions`. By default false. */
  readonly allowHostLoopback?: boolean | undefined;
  /** How QEMU is confined. By default `auto`. */
  readonly confinement?: ConfinementChoice | undefined;
  /** See `ConfinementOptions`; those of a store. By default none: a VM then serves one step only, without snapshots for its caches. */
  readonly diskDirectories?: readonly string[] | undefined;
  /** Absolute path of the private key to log in with, for an image that names none. */
  readonly sshKey?: string | undefined;
  /** Absolute path of a directory for state that outlives a process: run directories, probe results, VM snapshots. */
  readonly stateDirectory: string;
  /** How much disk space VM snapshots may take, in bytes; 0 for no snapshots. By default 2 GiB. */
  readonly snapshotCacheSize?: number | undefined;
  /**
   * Whether a VM serves several steps of a session. `auto`, the default: where the guest can be brought back to its state after the boot.
   * `always`: also where only its processes and mounts can (`VmReuse.onRequest`).
   */
  readonly vmReuse?: "auto" | "always" | undefined;
  /** By default no VM is kept ready. */
  readonly warmVms?: WarmVmOptions | undefined;
  readonly emit?: Emit | undefined;
}

/**
 * VMs that are started before a step needs them, and paused: for first steps on the base layers that the last first steps were on.
 * Each serves the steps of one session, as one that is started for them.
 */
export interface WarmVmOptions {
  /** At most how many. */
  readonly count: number;
  /**
   * How many VMs have room in the host's memory, those that run steps and ephemeral guests included: for each of these beyond it, one
   * that is kept ready is ended first.
   */
  readonly limit: number;
  /** After how long one that no step needs is ended, in milliseconds; by default ten minutes. */
  readonly idleMs?: number | undefined;
  /** As `Store.createScratchDisk`: the disk is needed until the VM is paused. */
  readonly createDisk: (base: LayerId, signal: AbortSignal) => Promise<ScratchDisk>;
}

/** How the VMs of a sandbox are confined. */
export function confinementFor({
  confinement: choice = "auto",
  stateDirectory,
  diskDirectories,
}: Pick<SandboxOptions, "confinement" | "stateDirectory" | "diskDirectories">): Confinement {
  return new Confinement({ choice, stateDirectory, diskDirectories });
}
