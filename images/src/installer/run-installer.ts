import type { Argv } from "../disk/fakeroot.ts";
import { InstallerVm, type Milestone } from "./installer-vm.ts";
import { withPhase, type OnImageEvent } from "../build/phases.ts";

/** A phase of an installation, as the console shows it. */
export interface InstallPhase {
  /** For progress messages: "Unpack the sets". */
  readonly name: string;
  /** The end of the phase. A pattern must not have the `g` flag; it is searched after the previous phase's match. */
  readonly until: Milestone;
  /** Time limit of the phase in seconds. */
  readonly limitSeconds: number;
}

export interface RunInstallerOptions {
  /** Absolute path of the file that the guest's console is logged to; it is not removed. */
  readonly consoleLog: string;
  /** In order; the last usually ends with the power-off. */
  readonly phases: readonly InstallPhase[];
  /** Console output of a failed installation; it ends the wait at once. */
  readonly failures?: readonly RegExp[] | undefined;
  /** Put in front of QEMU, such as `netbootServer`; it passes its descriptors on to QEMU and exits with it. By default nothing. */
  readonly prefix?: readonly string[] | undefined;
  /**
   * `auto`, the default: QEMU gets as little as this host permits, as that of a step. It sees the files that its options name by absolute
   * paths. `off`: it has the rights of its caller, and sees what that sees.
   */
  readonly confinement?: "auto" | "off" | undefined;
  readonly onEvent: OnImageEvent;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs an installer in a VM, with the first serial port as the console, and follows the console until the last phase
 * is over. The VM has always ended when this returns or throws.
 *
 * @param argv the argv of QEMU; the console is added.
 * @throws ObError `BASE_IMAGE` with the console's last lines if a phase exceeds its time limit, the installation
 *   fails or QEMU exits; `MISSING_TOOL`, `CANCELLED`.
 */
export async function runInstaller(argv: Argv, options: RunInstallerOptions): Promise<void> {
  const { phases, failures = [], onEvent, signal } = options;
  await using guest = await InstallerVm.start(argv, { ...options, failures });
  for (const { name, until, limitSeconds } of phases) {
    await withPhase(name, { onEvent, signal, limitSeconds }, (phase) => guest.reach(until, phase.signal));
  }
}
