import type { Emit, GuestArch, GuestOs } from "@ob/core";
import type { AcceleratorChoice } from "./accelerator/choose-accelerator.ts";
import type { GuestProfiles } from "./guest/registry.ts";
import type { Hardware } from "./machine/qemu-argv.ts";

export interface SandboxOptions {
  /** The guest's memory, in MiB. */
  readonly memoryMib: number;
  /** The guest's processors. */
  readonly cpus: number;
  /** What the guest runs, for an image without a manifest; one that contradicts a manifest is an error. */
  readonly guestOs?: GuestOs | undefined;
  /** Guest profiles besides those that come with the sandbox, by the name that `guestOs` gives. */
  readonly profiles?: GuestProfiles | undefined;
  /** As `guestOs`. By default `amd64`. */
  readonly guestArch?: GuestArch | undefined;
  /** How long a guest may take from its start to an SSH login, in seconds. */
  readonly bootTimeSeconds: number;
  /** `auto` takes the fastest that is proven to run a guest. */
  readonly accelerator: AcceleratorChoice;
  /** A private key to log in with, tried first. */
  readonly sshKey?: string | undefined;
  /** Where the guest's machine must be another; it comes before what a manifest says. */
  readonly hardware?: Hardware | undefined;
  /** Absolute path of a directory for what outlives a process: run directories, remembered proofs. */
  readonly stateDirectory: string;
  /** How much of the disk saved machines may take, in bytes; 0 for none. By default 2 GiB. */
  readonly snapshotCacheSize?: number | undefined;
  readonly emit?: Emit | undefined;
}
