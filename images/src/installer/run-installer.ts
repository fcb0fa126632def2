import type { Argv } from "../disk/fakeroot.ts";
import { InstallerVm, type Milestone } from "./installer-vm.ts";
import { withPhase, type OnImageEvent } from "../build/phases.ts";

/** A part of an installation that its console tells apart. */
export interface InstallPhase {
  /** For those who watch: "Unpack the sets". */
  readonly name: string;
  /** What ends it. A pattern must have no `g` flag; it is looked for behind the one before. */
  readonly until: Milestone;
  /** The most that it may take, in seconds. */
  readonly limitSeconds: number;
}

export interface RunInstallerOptions {
  /** Absolute path of the file that the guest's console is written to; it stays. */
  readonly consoleLog: string;
  /** In their order; the last is usually the power-off. */
  readonly phases: readonly InstallPhase[];
  /** What the guest says when it gives up; then nothing more is waited for. */
  readonly failures?: readonly RegExp[] | undefined;
  readonly onEvent: OnImageEvent;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs a virtual machine in which a system installs itself, with its first serial port as the console, and follows
 * that until the last phase is over. Whatever happens, the machine is gone when this returns.
 *
 * @param argv QEMU with its arguments; the console is added.
 * @throws ObError `BASE_IMAGE` with the console's last lines if a phase takes too long, the guest gives up or QEMU
 *   ends; `MISSING_TOOL`, `CANCELLED`.
 */
export async function runInstaller(argv: Argv, options: RunInstallerOptions): Promise<void> {
  const { consoleLog, phases, failures = [], onEvent, signal } = options;
  await using guest = await InstallerVm.start(argv, { consoleLog, failures });
  for (const { name, until, limitSeconds } of phases) {
    await withPhase(name, { onEvent, signal, limitSeconds }, (phase) => guest.reach(until, phase.signal));
  }
}
