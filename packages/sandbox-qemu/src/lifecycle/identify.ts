import { setTimeout as wait } from "node:timers/promises";
import { ObError } from "@ob/core";
import { abortable, deadline } from "../abort.ts";
import type { GuestProfile } from "../guest/profile.ts";
import { capture } from "../ssh/exec.ts";
import type { SshSession } from "../ssh/session.ts";

export interface IdentifyOptions {
  readonly session: SshSession;
  /** Of the machine that was started; see `newMachineId`. */
  readonly machineId: string;
  readonly profile: GuestProfile;
  readonly signal: AbortSignal;
}

/** For how long a guest that shows no identity is asked again, and how often, in milliseconds. */
const retries = { for: 30_000, every: 500 };

/** An identity as `newMachineId` makes it. */
const anyMachineId = /obuilder-[\w-]{11}(?![\w-])/;

/**
 * Makes sure that the other end of a connection is the machine that we started. What a guest runs can lead its SSH port to
 * any other machine: nothing may be done there before this resolves, and what it does itself only reads.
 *
 * A guest may take a moment to show what it knows of its machine: images start their SSH server before the rest.
 *
 * @throws ObError `WRONG_MACHINE` if it is another machine, or cannot show that it is not; `GUEST_LOST`; the signal's
 *   reason.
 */
export async function identify(options: IdentifyOptions): Promise<void> {
  const { session, machineId, profile } = options;
  using limit = deadline(retries.for, unproven);
  const signal = AbortSignal.any([options.signal, limit.signal]);
  for (;;) {
    const { stdout } = await capture(session, profile.identity, { signal });
    if (stdout.includes(machineId)) return;
    if (anyMachineId.test(stdout)) throw anotherMachine();
    await abortable(wait(retries.every), signal);
  }
}

function anotherMachine(): ObError {
  return new ObError(
    "WRONG_MACHINE",
    "Another virtual machine answers on the SSH port of the one that was started. Nothing was run there.",
    { hint },
  );
}

function unproven(): ObError {
  return new ObError(
    "WRONG_MACHINE",
    "What answers on the SSH port of the virtual machine that was started does not show that it is that machine. " +
      "Nothing was run there.",
    { hint },
  );
}

const hint =
  "The guest may lead its SSH port to another machine: look at what the steps before did to its SSH server. " +
  "docs/guests.md says what a guest is asked for.";
