import type { Readable } from "node:stream";
import type { ObError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { ImageManifest } from "../image-manifest.ts";
import type { LayerId } from "../layer-id.ts";
import type { GuestDescription } from "./guest-description.ts";
import type { Environment } from "./store.ts";
import type {
  GuestAccess,
  EphemeralGuest,
  EphemeralGuestOptions,
  EphemeralGuestRequest,
} from "./ephemeral-guest.ts";

/** Who runs a command in the guest. */
export type GuestUser = GuestOwner | { readonly name: string };

/** A user and a group by number. */
export interface GuestOwner {
  readonly uid: number;
  readonly gid: number;
}

/** The base image under a step's disk, as far as the sandbox must know it. */
export interface GuestImage {
  /** Undefined for an image without a manifest: then the sandbox's own defaults (the flags) describe it. */
  readonly manifest: ImageManifest | undefined;
  /** Absolute path of the directory that the manifest's relative paths start from. */
  readonly manifestDirectory: string;
}

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
  /** What the shell is given. */
  readonly command: string;
  /** Program and leading arguments; empty for the login shell of the guest's user. */
  readonly shell: readonly string[];
  /** Absolute; made if it does not exist. */
  readonly workdir: string;
  /** None: the image's login user. */
  readonly user: GuestUser | undefined;
  /** Newest first, as the context has it. */
  readonly environment: Environment;
  readonly network: "none" | "host";
  readonly caches: readonly CacheMount[];
  readonly secrets: readonly SecretMount[];
}

/**
 * Unpacks an archive at the guest's root, as its superuser: owners are set as the archive says. Directories that exist
 * keep their owner, mode and times.
 */
export interface CopyTask {
  readonly kind: "copy";
  /** Whose the files are to be. None: the image's login user. */
  readonly user: GuestUser | undefined;
  /** Opens the tar archive from its start. May be called more than once. */
  readonly openArchive: (options: OpenArchiveOptions) => Readable;
}

export interface OpenArchiveOptions {
  /**
   * Whom the entries belong to, in the guest's numbers. With it the archive also names each directory that the destination
   * is in. Undefined where the guest's files have no such owners.
   */
  readonly owner: GuestOwner | undefined;
  /** Told of each directory that the archive names. */
  readonly onDirectory?: ((directory: ArchivedDirectory) => void) | undefined;
}

export interface ArchivedDirectory {
  /** The bytes of its path from the guest's root, without a slash at either end. */
  readonly path: Uint8Array;
  /** True if the destination is in it. Then something else in its place is not to be replaced. */
  readonly isParent: boolean;
}

/** One step in a virtual machine. */
export interface SandboxStep {
  /** The layer in the making, for messages and events. */
  readonly layer: LayerId;
  /** Absolute path of the writable qcow2 disk. It belongs to the sandbox until `run` settles. */
  readonly disk: string;
  readonly image: GuestImage;
  readonly task: RunTask | CopyTask;
  /** True if another step on this layer may follow in the same sequence. */
  readonly keepVm?: boolean | undefined;
}

/**
 * Steps that are run one after the other, each on the disk that the one before it left. A guest may go on from one to
 * the next: they then find what they would find in a guest that was booted for each, and leave the same on their disks.
 * It is the disk that says whether a step follows the one before; where it does not, the sequence does what
 * `Sandbox.run` does. Disposing ends a guest that waits, and lets a step that runs come to its end.
 */
export interface StepSession extends AsyncDisposable {
  /** As `Sandbox.run`. A disk that was left with success may be renamed, but not changed, while the sequence lives. */
  run(step: SandboxStep, options?: SandboxRunOptions): Promise<void>;
}

export interface SandboxRunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
  /** Gets the command's output as it comes, standard output and error as one, bytes untouched. */
  readonly onOutput?: ((bytes: Uint8Array) => void) | undefined;
  /**
   * Called when the command of a `run` has failed, with the guest as the command left it: caches and secrets are still
   * there, and what is run has the step's user, directory and environment. The step goes on to fail when it resolves,
   * with the same error.
   */
  readonly onFailure?: ((error: ObError, guest: GuestAccess) => Promise<void>) | undefined;
}

/** Where steps run. */
export interface Sandbox extends AsyncDisposable {
  /**
   * What the guest of an image is: from its manifest where it has one, else from the flags.
   *
   * @throws ObError `USAGE` if a flag contradicts the manifest, or nobody has a profile of this guest OS.
   */
  guest(image: GuestImage): GuestDescription;

  /**
   * Runs one step. When it resolves the guest has flushed and stopped cleanly and nobody has the disk open: it
   * can be committed. When it rejects the disk must be thrown away. The caches are closed either way.
   *
   * @throws ObError `STEP_FAILED` if the command fails; `CANCELLED`, `BOOT_FAILED`, `LOGIN_FAILED`, `GUEST_LOST`,
   *   `UNCLEAN_STOP`, `NO_SPACE`, `MISSING_TOOL`, `UNSUPPORTED`.
   */
  run(step: SandboxStep, options?: SandboxRunOptions): Promise<void>;

  /** Begins a sequence of steps. It holds nothing until the first is run. */
  openSession(): StepSession;

  /**
   * Starts a guest on a disk that is thrown away, and resolves when it can be used. Nobody may open the disk until the
   * visit has been disposed of, and nobody may keep it then.
   *
   * @throws ObError `CANCELLED`, `BOOT_FAILED`, `LOGIN_FAILED`, `NO_SPACE`, `MISSING_TOOL`, `UNSUPPORTED`.
   */
  openEphemeral(request: EphemeralGuestRequest, options?: EphemeralGuestOptions): Promise<EphemeralGuest>;
}
