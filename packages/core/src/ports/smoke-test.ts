import type { GuestArch } from "../guest-arch.ts";
import type { GuestImage } from "./guest.ts";
import type { ImageSpeed } from "./image-speed.ts";

/**
 * QEMU's arguments for a processor that runs guests of an architecture here, the fastest that is verified to, and for the
 * firmware that starts them from a disk.
 *
 * @throws ObError `MISSING_TOOL`, `UNSUPPORTED`, `CANCELLED`.
 */
export type ResolveCpuArgs = (
  guestArch: GuestArch,
  signal: AbortSignal | undefined,
) => Promise<readonly string[]>;

/** What boots an image as a build would, to see what it is worth. */
export type StartSmokeTest = (request: SmokeTestRequest) => Promise<SmokeTestGuest>;

export interface SmokeTestRequest {
  readonly image: GuestImage;
  /** Absolute path of a writable qcow2 disk. */
  readonly disk: string;
  /** The least memory that the guest is given, in MiB; by default that of a step. */
  readonly memoryMib?: number | undefined;
  /** The least time that the guest is given to boot, in seconds; by default that of a step. */
  readonly bootSeconds?: number | undefined;
  /** QEMU's model of the network card, in place of that of a step. */
  readonly networkDevice?: string | undefined;
  /** Absolute path of a file that the guest's console is logged to; by default it is not kept. */
  readonly consoleLog?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SmokeTestCommand {
  /** A script for the guest's Bourne shell. */
  readonly script: string;
  /** True to run it as root. */
  readonly asRoot?: boolean | undefined;
  /** How long it may take, in seconds. By default 300. */
  readonly timeoutSeconds?: number | undefined;
  /** Variables that the SSH client sends; the server need not take them. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export interface SmokeTestResult {
  /** The exit status; undefined if a signal ended the command. */
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** A property that a guest should have. */
export interface ImageCheck {
  /** The property, for people, as a verb phrase: "has bash". */
  readonly what: string;
  /** Exits with 0 if the guest has it; the last lines that it prints are shown. */
  readonly script: string;
  /** Variables that the SSH client sends. */
  readonly environment?: Readonly<Record<string, string>>;
  /** False if builds work without it. */
  readonly required: boolean;
}

/** A guest with an SSH login, whose login user can become root. Disposing ends it at once. */
export interface SmokeTestGuest extends AsyncDisposable {
  /** What the login has shown of root, for people: `sudo needs no password`. */
  readonly rootAccess: string;
  /** What every image of this guest OS should have besides. */
  readonly checks: readonly ImageCheck[];
  /** @throws ObError `GUEST_LOST`, `CANCELLED`. */
  run(command: SmokeTestCommand): Promise<SmokeTestResult>;
  /** @throws ObError `GUEST_LOST`, `CANCELLED`. */
  speed(): Promise<ImageSpeed>;
  /**
   * Shuts the guest down by ACPI where the machine has it and the guest obeys, else by a command, and waits until QEMU has
   * closed the disk.
   *
   * @returns which of the two it was.
   * @throws ObError `UNCLEAN_STOP`, `CANCELLED`.
   */
  powerOff(): Promise<"acpi" | "command">;
}
