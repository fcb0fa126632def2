import { setTimeout as wait } from "node:timers/promises";
import { abortable, deadline, ObError } from "@ob/core";
import { machineIdPattern } from "@ob/qemu";
import { loginShellIn } from "../guest/posix/identity.ts";
import type { GuestProfile } from "../guest/profile.ts";
import { capture } from "../ssh/exec.ts";
import type { SshSession } from "../ssh/session.ts";

export interface IdentifyOptions {
  readonly session: SshSession;
  /** Of the VM that was started; see `newMachineId`. */
  readonly machineId: string;
  readonly profile: GuestProfile;
  /** How long the guest may take in all, in milliseconds: a slow one needs long for a single command. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** How often a guest that reports no machine id is asked, and the pause between two questions, in milliseconds. */
const attempts = { count: 60, pause: 500 };

/**
 * Verifies that the other end of a connection is the VM that was started. A program in the guest can forward its SSH port
 * to any other machine: nothing else may be run there before this resolves, and the command itself changes nothing.
 *
 * A guest may take a moment to report its machine id: images start their SSH server before other services. The login shell
 * that it reports is kept in the session.
 *
 * @throws ObError `WRONG_MACHINE` if it is another machine, or cannot prove that it is not; `GUEST_LOST`; the signal's
 *   reason.
 */
export async function identify(options: IdentifyOptions): Promise<void> {
  const { session, machineId, profile, timeoutMs } = options;
  using limit = deadline(timeoutMs, unverified);
  const signal = AbortSignal.any([options.signal, limit.signal]);
  for (let attempt = 0; attempt < attempts.count; attempt++) {
    const { stdout } = await capture(session, profile.identity, { signal });
    session.loginShell ??= loginShellIn(stdout);
    // Only the first counts. A guest prints the serial number of its disk before that in its SMBIOS tables, and all guests that
    // were resumed from one snapshot have the tables of the VM that was saved: they would pass for that VM.
    const [shown] = machineIdPattern.exec(stdout) ?? [];
    if (shown === machineId) return;
    if (shown !== undefined) throw anotherMachine();
    await abortable(wait(attempts.pause), signal);
  }
  throw unverified();
}

function anotherMachine(): ObError {
  return new ObError(
    "WRONG_MACHINE",
    "Another virtual machine answers on the SSH port of the one that was started. Nothing was run there.",
    { hint },
  );
}

function unverified(): ObError {
  return new ObError(
    "WRONG_MACHINE",
    "The machine that answers on the SSH port of the virtual machine cannot prove that it is that virtual machine. " +
      "Nothing was run there.",
    { hint },
  );
}

const hint =
  "The guest may forward its SSH port to another machine: check what the previous steps did to its SSH server. " +
  "docs/guests.md describes how a guest is identified.";
