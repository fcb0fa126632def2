import type { CacheFileSystem, ErrorCode, GuestOs, GuestUser, ImageCheck, Phase, RunTask } from "@ob/core";
import type { Frame } from "../ssh/frame.ts";

/** What the login user's shell is given over SSH, and what it is for. */
export interface GuestCommand {
  readonly phase: Phase;
  /** For messages: `mount the cache opam at /home/opam/.opam`. */
  readonly purpose: string;
  readonly command: string;
  /** The same in a frame; undefined for a step's own command, whose output is all that comes. */
  readonly framed?: ((frame: Frame) => FramedLine) | undefined;
  /** The same for the superuser's shell that is held open (`GuestProfile.rootShell`). */
  readonly script?: string | undefined;
  /** Bytes for its standard input; by default none. Never shown to anybody. */
  readonly input?: Uint8Array | undefined;
  /** What a status other than 0 means. */
  readonly failure: ErrorCode;
  readonly hint?: string | undefined;
}

/** A command that prints its frame's mark. */
export interface FramedLine {
  readonly command: string;
  /** What is sent before the input. */
  readonly inputStart: string;
}

/** A command line for the login shell, plain and in a frame. */
export type GuestLine = Pick<GuestCommand, "command" | "framed">;

/** The profile of a guest OS, for images with that login user. */
export type GuestProfileFactory = (loginUser: string) => GuestProfile;

/**
 * All that differs between guest operating systems, as data and pure functions. Nothing outside a profile asks which OS
 * a guest has.
 */
export interface GuestProfile {
  /** What a manifest's `guestOs` calls it. */
  readonly os: GuestOs;
  /** The file system that `mount` makes on a cache disk that has none. */
  readonly cacheFileSystem: CacheFileSystem;
  /** See `GuestDescription.copyTarget`. */
  readonly copyTarget: (destination: string) => string;
  /** See `GuestDescription.copySource`. */
  readonly copySource: (path: string) => string;
  /** What a successful `prepare` has shown of root, for people: `sudo needs no password`. */
  readonly rootAccess: string;
  /** What every image of this OS should have besides. */
  readonly imageChecks: readonly ImageCheck[];
  /** What the kernel says on the console when it gives up; a whole line. */
  readonly panicPattern: RegExp;
  /** What images of ours say on the console when their SSH server listens; others are asked until they answer. */
  readonly sshReadyPattern: RegExp;
  /**
   * For the login user's shell: prints what the system knows of its machine, the serial number of the root disk or that of
   * the machine. The first command on each connection: it must need no rights, and change nothing, on any machine.
   */
  readonly identity: string;
  /** Starts a shell as superuser that reads scripts from its standard input; undefined where there is no such thing. */
  readonly rootShell: string | undefined;
  /** Succeeds when the guest is ready for a step. What it prints is the `baseline` of `flush` and `tearDown`. */
  readonly prepare: GuestCommand;
  /** As `ready`, for a guest that was resumed: its clock is set as well. Undefined where guests are only booted. */
  readonly resumed?: ((now: Date) => GuestCommand) | undefined;
  /**
   * Makes a program stand at the same addresses each time it runs, for an emulator that keeps code that it has translated by
   * its address. Undefined where that cannot be asked for, or gains nothing.
   */
  readonly disableAslr?: DisableAslr | undefined;
  /** What the kernel says on the console when a new generation id of the machine has given it new random numbers. */
  readonly rngReseededPattern?: RegExp | undefined;
  /** Mounts caches and puts secrets, in this order. */
  mount(task: RunTask): readonly GuestCommand[];
  /** Runs the command. Its status is the step's. */
  run(task: RunTask): GuestCommand;
  /** Ends what the step's command has left running; undefined where the ssh server does that. */
  readonly killStrayProcesses?: ((baseline: string) => GuestCommand) | undefined;
  /**
   * Unpacks the tar archive on its standard input at the root, as superuser. Before the archive come the directories that
   * it names, as `directoryLines` has them: those that exist keep their owner, mode and times. Where `verifyCopy` is set
   * there is the archive alone.
   */
  readonly unpack: GuestCommand;
  /** Set where an archive can also be given as a disk that is put into the running guest, with the directories that it names. */
  readonly unpackDisk?: ((serial: string, directories: Uint8Array) => GuestCommand) | undefined;
  /** Prints a user's uid and main group for `ownerIn`. Undefined where files have no such owners. */
  readonly findOwner?: ((name: string) => GuestCommand) | undefined;
  /** Set where what the guest unpacks must be compared with what was sent. */
  readonly verification?: CopyVerification | undefined;
  /** Undoes `setUp`. Nothing of the step runs afterwards. */
  unmount(task: RunTask, baseline: string): readonly GuestCommand[];
  /** Ends what the step left running and puts everything on the disk. */
  flush(baseline: string): FlushCommand;
  /** Set where a guest may go on from one step to the next. */
  readonly vmReuse?: VmReuse | undefined;
  /** How to switch the guest off where `flush` alone is not enough. */
  readonly shutdown: GuestCommand | "acpi";
  /** Writes the archive of `EphemeralGuest.readArchive` on its standard output. */
  readArchive(path: string, exclude: readonly string[], options?: ArchiveOptions): GuestCommand;
  /**
   * The command line that runs a program as that user, or the user's login shell if there are no arguments, with the standard
   * input it is given. Undefined where the guest has no way to do that.
   */
  readonly asUser?: ((user: GuestUser, args: readonly string[]) => string) | undefined;
  /** Has the guest's Bourne shell run a script, as the login user or as root. */
  readonly runScript: (script: string, options: { readonly asRoot: boolean }) => GuestLine;
}

export interface ArchiveOptions {
  /** See `ReadArchiveOptions.followLink`. */
  readonly followLink?: boolean | undefined;
}

export interface DisableAslr {
  /** For the command line of a kernel that QEMU starts. */
  readonly kernelArg: string;
  /** For a guest that boots from its disk, once it runs. */
  readonly command: GuestCommand;
}

/**
 * How a guest goes on from one step to the next as if it had been booted in between: what a boot makes anew is made anew,
 * or else found as it was.
 */
export interface VmReuse {
  /** Before the first step. What it prints is the `noted` of `settle`; a line `no: REASON` if this guest cannot go on. */
  captureBaseline(baseline: string): GuestCommand;
  /** As `flush`, and first brings back what was noted, as far as it can, and prints a note again. */
  resetAndFlush(baseline: string, noted: string): FlushCommand;
  /** Once the machine runs again, on the next disk. */
  thaw(now: Date): GuestCommand;
  /** The note with another clock, given what `wake` or `resumed` has printed. */
  updateClock(noted: string, clock: string): string;
  /** True if a note tells of files in memory that were made since then. */
  hasFilesNewerThan(noted: string, since: Date): boolean;
  /** What `settle` found otherwise than it was noted, for a person; undefined if nothing. */
  diffBaseline(noted: string, settled: string): string | undefined;
}

/** What `readArchive` exits with if nothing is at the path. */
export const exitNotFound = 66;

/** What `unpackDisk` ends with if the guest has not seen the disk in time. */
export const exitDeviceMissing = 124;

export interface FlushCommand extends GuestCommand {
  /**
   * The line that says that the file systems are frozen: the machine can be stopped as it is. Undefined, or not
   * printed by a flush that ended well: the guest must be switched off.
   */
  readonly frozen: string | undefined;
}

/** How to find out whether files arrived as they were sent. */
export interface CopyVerification {
  /** True if the guest's tar may leave symbolic links out without a word. */
  readonly dropsSymlinks: boolean;
  /** Where the guest unpacks an entry of the archive: a path from the root that it unpacks at. */
  unpackedPath(entry: string): string;
  /** Unpacks files of a disc that was put into the machine's drive, one after the other, as `unpack` would. */
  unpackIso(files: readonly string[]): GuestCommand;
  /** Compares, and removes the list: a file at that root, in the form of `sha256sum`, with this sha256 itself. */
  check(list: string, digest: string): GuestCommand;
}
