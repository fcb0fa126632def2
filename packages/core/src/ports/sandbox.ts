import type { Readable } from "node:stream";
import type { ObError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { OnOutput } from "../output.ts";
import type { LayerId } from "../layer-id.ts";
import type { GuestDescription } from "./guest-description.ts";
import type { RunTask } from "./run-task.ts";
import type { EphemeralGuest, EphemeralGuestOptions, EphemeralGuestRequest } from "./ephemeral-guest.ts";
import type { GuestAccess, GuestImage, GuestOwner, GuestUser } from "./guest.ts";

/**
 * Unpacks an archive at the guest's root, as root: owners are set as in the archive. Directories that exist
 * keep their owner, mode and times.
 */
export interface CopyTask {
  readonly kind: "copy";
  /** The owner of the files. By default the image's login user. */
  readonly user: GuestUser | undefined;
  /** Opens the tar archive from its start. May be called more than once. */
  readonly openArchive: (options: OpenArchiveOptions) => Readable;
}

export interface OpenArchiveOptions {
  /**
   * The owner of the entries, by number in the guest. With it the archive also has an entry for each parent directory of
   * the destination. Undefined for guests whose files have no such owners.
   */
  readonly owner: GuestOwner | undefined;
  /** Called with each directory that the archive has an entry for. */
  readonly onDirectory?: ((directory: ArchivedDirectory) => void) | undefined;
  /** Called with what the archive has of which the guest must know. */
  readonly onFeature?: ((feature: ArchiveFeature) => void) | undefined;
  /** Leaves extended attributes out, and fills holes with zeros. */
  readonly plain?: boolean | undefined;
}

/** Extended attributes or files with holes, in the pax format of GNU tar; links of either kind that are not trusted. */
export type ArchiveFeature = "xattrs" | "sparse" | "links";

export interface ArchivedDirectory {
  /** The bytes of its path from the guest's root, without a slash at either end. */
  readonly path: Uint8Array;
  /** True for a parent of the destination. Something else in its place must not be replaced then. */
  readonly isParent: boolean;
  /**
   * The path of the copy's destination, in the same form. A link that stands for the directory must lead to one below it.
   * Undefined if the archive is trusted.
   */
  readonly bounds?: Uint8Array | undefined;
}

/** One step in a virtual machine. */
export interface SandboxStep {
  /** The layer that the step makes, for messages and events. */
  readonly layer: LayerId;
  /** The layer that its disk is based on. A sandbox can have a VM ready for steps on a base layer, if it knows that. */
  readonly base?: LayerId | undefined;
  /** Absolute path of the writable qcow2 disk. It belongs to the sandbox until `run` settles. */
  readonly disk: string;
  readonly image: GuestImage;
  readonly task: RunTask | CopyTask;
  /** True if another step on this layer may follow in the same session. */
  readonly keepVm?: boolean | undefined;
  /**
   * True if nothing follows in the build. Otherwise a step that leaves a guest to which no later step can log in fails with
   * `STEP_FAILED`; the last one has that reported as a warning.
   */
  readonly isLast?: boolean | undefined;
}

/**
 * Steps that run one after the other, each on a child of the previous step's disk. The VM of a step may be reused for the
 * next: its guest is then as one that was booted for the step, and leaves the same on the disk. The disk determines whether
 * a step follows the previous one; if it does not, `run` does what `Sandbox.run` does. Disposing ends a paused VM, and
 * waits for a running step.
 */
export interface StepSession extends AsyncDisposable {
  /** As `Sandbox.run`. The disk of a successful step may be renamed, but not changed, until the session is disposed of. */
  run(step: SandboxStep, options?: SandboxRunOptions): Promise<void>;
}

export interface SandboxRunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly emit?: Emit | undefined;
  /** Gets the command's output as it arrives, standard output and error combined, bytes unchanged. */
  readonly onOutput?: OnOutput | undefined;
  /**
   * Called when the command of a `run` has failed, with the guest as the command left it: caches and secrets are still
   * mounted, and programs run with the step's user, directory and environment. When it resolves the step fails with the
   * same error.
   */
  readonly onFailure?: ((error: ObError, guest: GuestAccess) => Promise<void>) | undefined;
}

/** Runs steps in virtual machines. */
export interface Sandbox extends AsyncDisposable {
  /**
   * True if caches and secrets of one step must have different targets, none of them below a secret. A build with another step is
   * then refused before anything is built. By default false.
   */
  readonly distinctTargets?: boolean | undefined;

  /**
   * The system and architecture of an image's guest: from its manifest if it has one, otherwise from the options.
   *
   * @throws ObError `USAGE` if a flag contradicts the manifest, or there is no profile of this guest OS.
   */
  guest(image: GuestImage): GuestDescription;

  /**
   * Runs one step. When it resolves the guest has flushed and stopped cleanly and the disk is closed: it can be
   * committed. When it rejects the disk must be deleted. The cache disks are closed either way.
   *
   * @throws ObError `STEP_FAILED` if the command fails; `CANCELLED`, `BOOT_FAILED`, `LOGIN_FAILED`, `GUEST_LOST`,
   *   `UNCLEAN_STOP`, `NO_SPACE`, `MISSING_TOOL`, `UNSUPPORTED`.
   */
  run(step: SandboxStep, options?: SandboxRunOptions): Promise<void>;

  /** Opens a session of steps. It holds no resources until the first step runs. */
  openSession(): StepSession;

  /**
   * Starts an ephemeral guest, and resolves when it can be used. Its disk must not be opened until the guest has been
   * disposed of, and must not be kept then.
   *
   * @throws ObError `CANCELLED`, `BOOT_FAILED`, `LOGIN_FAILED`, `NO_SPACE`, `MISSING_TOOL`, `UNSUPPORTED`.
   */
  openEphemeral(request: EphemeralGuestRequest, options?: EphemeralGuestOptions): Promise<EphemeralGuest>;
}
