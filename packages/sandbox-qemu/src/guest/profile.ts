import type { CacheFileSystem, ErrorCode, GuestOs, GuestUser, ImageCheck, Phase, RunTask } from "@ob/core";
import type { Accelerator } from "@ob/qemu";
import type { Frame, FramedLine } from "../ssh/frame.ts";
import type { MountTask } from "./mount-task.ts";

/**
 * A command line for the login user's shell, sent over SSH, with its purpose. It is written for a Bourne shell; if the login
 * shell is another, it is sent in a form that every shell reads (`ssh/quote/any-shell.ts`).
 */
export interface GuestCommand {
  readonly phase: Phase;
  /** A verb phrase for messages: `mount the cache opam at /home/opam/.opam`. */
  readonly purpose: string;
  readonly command: string;
  /** The same command in a frame. A step's own command has a mark at its start only, which shows that it was reached. */
  readonly framed?: ((frame: Frame) => FramedLine) | undefined;
  /** The same command as a script for the persistent root shell (`GuestProfile.rootShell`). */
  readonly script?: string | undefined;
  /** A line for a script that waits in the root shell (`FlushCommand.waits`): it then does what the command does. */
  readonly answer?: string | undefined;
  /** Its standard input, in bytes; by default empty. Never logged or shown: it can be a secret. */
  readonly input?: Uint8Array | undefined;
  /** The error code for an exit status other than 0. */
  readonly failure: ErrorCode;
  readonly hint?: string | undefined;
}

/** A command line for the login shell, plain and in a frame. */
export type GuestLine = Pick<GuestCommand, "command" | "framed">;

/** Makes the profile of a guest OS for images with the given login user. */
export type GuestProfileFactory = (loginUser: string) => GuestProfile;

/** Everything that differs between guest operating systems, as data and pure functions. Other code does not depend on the OS. */
export interface GuestProfile {
  /** The value of `guestOs` in an image manifest. */
  readonly os: GuestOs;
  /** The file system that `mount` creates on an unformatted cache disk. */
  readonly cacheFileSystem: CacheFileSystem;
  /** See `GuestDescription.copyTarget`. */
  readonly copyTarget: (destination: string) => string;
  /** See `GuestDescription.copySource`. */
  readonly copySource: (path: string) => string;
  /** What a successful `prepare` proves about root access, for the report of an image check: `sudo needs no password`. */
  readonly rootAccess: string;
  /** Further checks of every image of this OS. */
  readonly imageChecks: readonly ImageCheck[];
  /** Matches the whole line that the kernel prints on the console when it panics. */
  readonly panicPattern: RegExp;
  /**
   * Matches what images of OBuilder's recipes print on the console once their SSH server listens (the ready marker). Other
   * images are probed until they answer.
   */
  readonly sshReadyPattern: RegExp;
  /**
   * A command line for the login user's shell that prints the serial number of the root disk or of the machine. It
   * identifies the guest, so it is the first command on each connection: it must need no privileges and change nothing, on
   * any machine that answers. `identityCommand` makes one that works for every login shell.
   */
  readonly identity: string;
  /** False if guests of this OS need no keyboard controller: their VMs then have none. By default true. */
  readonly needsKeyboard?: boolean | undefined;
  /** The command line of a root shell that reads scripts from its standard input; undefined if the OS has no such shell. */
  readonly rootShell: string | undefined;
  /** Succeeds when the guest is ready for a step. Its output is the `bootInfo` of `flush` and others, with the login shell if it is known. */
  readonly prepare: GuestCommand;
  /** As `prepare`, for a resumed guest: also sets its clock. Undefined if guests of this OS are only booted. */
  readonly resumed?: ((now: Date) => GuestCommand) | undefined;
  /** What `resumed` does before `prepare`, and what it prints of that. By default the two are not separate. */
  readonly setClock?: ((now: Date) => GuestCommand) | undefined;
  /**
   * As `resumed`, for a guest that does not report on its console that it was reseeded: it also gets a seed. Succeeds only if its
   * random number generator draws from that seed from now on. Undefined if guests of this OS cannot show that.
   */
  readonly resumedWithSeed?: ((now: Date, seed: Uint8Array) => GuestCommand) | undefined;
  /**
   * Run in a guest without a network once it is ready: name lookups and other connections then fail at once, instead of after
   * their timeouts. Changes nothing on the disk, and ignores what cannot be done: nothing depends on it. SSH must keep working.
   */
  readonly rejectConnections?: GuestCommand | undefined;
  /** Run beside the login to an emulated guest, on its `rootShellPort`: runs programs of a step, so that their code is translated. */
  readonly warmUp?: GuestCommand | undefined;
  /** Makes the kernel faster for what it is used for here. Undefined if nothing of that OS does. */
  readonly tuneKernel?: ((accelerator: Accelerator) => KernelTuning) | undefined;
  /** Matches what the kernel prints on the console when a new VM generation id has reseeded its random number generator. */
  readonly rngReseededPattern?: RegExp | undefined;
  /** The one form of a cache's target, by which parents are found. By default that of a POSIX path. */
  readonly canonicalTarget?: ((target: string) => string) | undefined;
  /**
   * Prints where each path leads in the guest, one a line: symbolic links are followed as far as there is something. It is run
   * before `mount` if a step has several caches. Undefined if the guest cannot tell.
   */
  readonly realTargets?: ((targets: readonly string[]) => GuestCommand) | undefined;
  /** Commands that mount the caches, in their order, and then write the secrets. */
  mount(task: MountTask): readonly GuestCommand[];
  /** Runs the step's command. Its exit status is the step's. */
  run(task: RunTask): GuestCommand;
  /** Kills the processes that the step's command left running; undefined if the SSH server does that. */
  readonly killStrayProcesses?: ((bootInfo: string) => GuestCommand) | undefined;
  /**
   * Unpacks the tar archive on its standard input at the root directory, as root. The archive is preceded by the
   * directories in it, in the form of `directoryLines`: those that exist keep their owner, mode and times. If
   * `verification` is set, the input is the archive alone.
   */
  readonly unpack: GuestCommand;
  /**
   * Unpacks an archive from a hot-plugged disk with that serial number. `directories` is what `directoryLines` returns for
   * it. Undefined if the OS cannot do that.
   */
  readonly unpackDisk?: ((serial: string, directories: Uint8Array) => GuestCommand) | undefined;
  /** Prints a user's uid and primary group for `ownerIn`. Undefined if files of this OS have no numeric owners. */
  readonly findOwner?: ((name: string) => GuestCommand) | undefined;
  /** Set if unpacked files must be compared with what was sent. */
  readonly verification?: CopyVerification | undefined;
  /** How to check that a later step can log in; by default a new connection to the running SSH server is made after each step. */
  readonly loginCheck?: LoginCheck | undefined;
  /** Commands that undo `mount` in reverse. After them no process of the step runs. */
  unmount(task: MountTask, bootInfo: string): readonly GuestCommand[];
  /** Kills the processes that the step left running, and flushes the file systems to the disk. */
  flush(bootInfo: string): FlushCommand;
  /** Set if a guest of this OS can be reused for the next step. */
  readonly vmReuse?: VmReuse | undefined;
  /** How to shut the guest down if `flush` alone is not enough. */
  readonly shutdown: GuestCommand | "acpi";
  /** Writes the archive of `EphemeralGuest.readArchive` to its standard output. */
  readArchive(path: string, exclude: readonly string[], options?: ArchiveOptions): GuestCommand;
  /**
   * The command line that runs a program as that user, with its standard input passed through. Without arguments it runs the
   * user's login shell. Undefined if the guest OS cannot do that.
   */
  readonly asUser?: ((user: GuestUser, args: readonly string[]) => string) | undefined;
  /** The command line that runs a script in the guest's Bourne shell, as the login user or as root. */
  readonly runScript: (script: string, options: { readonly asRoot: boolean }) => GuestLine;
}

export interface ArchiveOptions {
  /** See `ReadArchiveOptions.followLink`. */
  readonly followLink?: boolean | undefined;
  /** See `ReadArchiveOptions.followAllLinks`; `followLink` is set with it. */
  readonly followAllLinks?: boolean | undefined;
}

/** How to find out whether a later step can log in. */
export interface LoginCheck {
  /**
   * Prints `problem: TEXT` for what makes a login impossible. Otherwise prints a line for each thing that a login depends on and that
   * has changed in the given time, in milliseconds.
   */
  changes(milliseconds: number): GuestCommand;
  /**
   * An SSH server with the guest's present configuration, on standard input and output, with its log on standard error. Exits with
   * `exitNoServer` if there is no such server: then a connection to the running one is tried.
   */
  readonly server: (frame: Frame) => FramedLine;
}

/** Settings of a guest's kernel: arguments on its command line if QEMU boots it directly, and otherwise a command after the boot. */
export interface KernelTuning {
  readonly args: readonly string[];
  readonly command: GuestCommand;
}

/**
 * How a guest is reused for the next step as if it had been booted in between: state that a boot creates is either reset,
 * or verified to be unchanged since the boot (the baseline).
 */
export interface VmReuse {
  /**
   * True if the baseline has less than what a boot creates: the guest is then reused only with `SandboxOptions.vmReuse` `always`, and
   * it is tried after each step whether a later one can log in. By default false.
   */
  readonly onRequest?: boolean | undefined;
  /** False if guests of this OS do not see disks come and go: they are not reused for steps with caches. By default true. */
  readonly changesDisks?: boolean | undefined;
  /** Run before the first step. `parseBaseline` reads its output. */
  captureBaseline(bootInfo: string): GuestCommand;
  /** Does not trust the output: the guest may print anything. */
  parseBaseline(output: string): ParsedBaseline;
  /** Run once the VM's CPUs run again, on the next step's disk: thaws the file systems and sets the clock. */
  thaw(now: Date): GuestCommand;
  /** The `bootInfo` of the guest after `thaw`, given its output; by default that of its boot. */
  readonly bootInfoAfter?: ((output: string) => string) | undefined;
  /** Set if caches can be exchanged on machines without hot-plug. */
  readonly exchangeDisks?: ExchangeDisks | undefined;
}

/** How a guest lets go of the disks of its caches, for the VM to get others in their place. */
export interface ExchangeDisks {
  /** Lets the drivers go of that number of cache disks, of which nothing is mounted: those of a step. */
  release(count: number): GuestCommand;
  /** Lets them take that number of the disks that were released, the first ones. */
  take(count: number): GuestCommand;
}

export type ParsedBaseline =
  | { readonly kind: "baseline"; readonly baseline: Baseline }
  /** The guest cannot be reused: it says why, or its output is malformed. */
  | { readonly kind: "refused"; readonly reason: string };

/** The state of a guest when it was ready. */
export interface Baseline {
  /** As `GuestProfile.flush`, but first restores the baseline as far as possible, and prints a report for `diff`. */
  resetAndFlush(bootInfo: string): FlushCommand;
  /** The same baseline with a new clock offset, given the output of `thaw` or of `GuestProfile.resumed`. */
  withClock(output: string): Baseline;
  /** True if it has files on an in-memory file system that were changed at that time or later. */
  hasFilesNewerThan(since: Date): boolean;
  /**
   * For a guest in which a login makes files in memory: brings the baseline of another VM of the same snapshot up to date, before
   * the first step. Undefined if nothing but the clock differs between such VMs.
   */
  readonly afterLogin?: AfterLogin | undefined;
  /**
   * The first difference to the state in the output of `resetAndFlush`, for a log message; undefined if there is none. A
   * malformed report is a difference.
   */
  diff(report: string): string | undefined;
}

export interface AfterLogin {
  readonly command: GuestCommand;
  /** @returns undefined if the command's output is malformed. */
  apply(output: string): Baseline | undefined;
}

export interface FlushCommand extends GuestCommand {
  /** The line that a flush prints if the file systems are frozen: QEMU can then be stopped. Without it the guest must be shut down. */
  readonly frozen: string | undefined;
  /** True if its script, once it has printed that line, waits in the root shell for the answer of `VmReuse.thaw`. By default false. */
  readonly waits?: boolean | undefined;
}

/** How to verify that files arrived undamaged. */
export interface CopyVerification {
  /** True if the guest's tar can omit symbolic links without an error. */
  readonly dropsSymlinks: boolean;
  /** The path that an archive entry is unpacked at, relative to the root that the guest unpacks at. */
  unpackedPath(entry: string): string;
  /** Unpacks archives on the inserted CD-ROM, one after the other, as `unpack` does. */
  unpackIso(files: readonly string[]): GuestCommand;
  /**
   * Compares the files with a list of checksums, and removes the list.
   *
   * @param list the name of the list, a file at that root in the format of `sha256sum`.
   * @param digest the sha256 of the list itself, in hexadecimal.
   */
  check(list: string, digest: string): GuestCommand;
}
