import type { Emit, GuestArch, GuestOs } from "@ob/core";
import type { AcceleratorChoice } from "./accelerator/choose-accelerator.ts";
import type { GuestProfiles } from "./guest/registry.ts";
import type { Hardware } from "./machine/qemu-argv.ts";

export interface SandboxOptions {
  /** The guest's memory, in MiB. */
  readonly memoryMib: number;
  /** The number of the guest's CPUs. */
  readonly cpus: number;
  /** The guest's operating system, for an image without a manifest; it is an error if it contradicts a manifest. */
  readonly guestOs?: GuestOs | undefined;
  /** Guest profiles besides those that come with the sandbox, by the name that `guestOs` gives. */
  readonly profiles?: GuestProfiles | undefined;
  /** As `guestOs`. By default `amd64`. */
  readonly guestArch?: GuestArch | undefined;
  /** How long a guest may take from the start of QEMU to an SSH login, in seconds. */
  readonly bootTimeSeconds: number;
  /** `auto` chooses the fastest that was verified to run a guest. */
  readonly accelerator: AcceleratorChoice;
  /** Absolute path of the private key to log in with, for an image that names none. */
  readonly sshKey?: string | undefined;
  /** Overrides of the guest's hardware; they take precedence over the manifest. */
  readonly hardware?: Hardware | undefined;
  /** Absolute path of a directory for state that outlives a process: run directories, probe results, VM snapshots. */
  readonly stateDirectory: string;
  /** How much disk space VM snapshots may take, in bytes; 0 for no snapshots. By default 2 GiB. */
  readonly snapshotCacheSize?: number | undefined;
  readonly emit?: Emit | undefined;
}
