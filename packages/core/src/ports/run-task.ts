import type { GuestUser } from "./guest.ts";
import type { Environment } from "./store.ts";

export interface CacheMount {
  readonly name: string;
  /** Absolute path of the qcow2 disk on the host. */
  readonly disk: string;
  /** See `CacheLease.formatted`. */
  readonly formatted: boolean;
  /** Absolute path in the guest, in the guest's own form. */
  readonly target: string;
}

export interface SecretMount {
  /** Absolute path in the guest. */
  readonly target: string;
  readonly contents: Uint8Array;
}

/** Runs a command. */
export interface RunTask {
  readonly kind: "run";
  /** The argument of the shell. */
  readonly command: string;
  /** Program and leading arguments; empty for the login shell of the guest's user. */
  readonly shell: readonly string[];
  /** Absolute; created if it does not exist. */
  readonly workdir: string;
  /** By default the image's login user. */
  readonly user: GuestUser | undefined;
  /** Newest first, as in the context. */
  readonly environment: Environment;
  readonly network: "none" | "host";
  readonly caches: readonly CacheMount[];
  readonly secrets: readonly SecretMount[];
  /**
   * True if the guest may restart during the command, also several times: the step is complete when the guest is back. There are neither
   * caches nor secrets then. By default a restart fails the step with `GUEST_LOST`.
   */
  readonly mayRestart?: boolean | undefined;
}
