import { ObError } from "@ob/core";
import { abortable, deadline } from "./abort.ts";
import type { GuestProfile } from "./guest/profile.ts";
import { capture, execute } from "./ssh/exec.ts";
import type { SshSession } from "./ssh/session.ts";
import type { Vm } from "./vm.ts";

export interface StopOptions {
  readonly profile: GuestProfile;
  readonly baseline: string;
  readonly signal: AbortSignal;
}

/** How long a guest may take to write what it holds, and to switch itself off, in milliseconds. */
const flushTime = 600_000;
const powerOffTime = 120_000;

/**
 * Has the guest put everything on its disk. What it runs when it is done: the quickest stop that is still clean.
 *
 * @throws ObError `UNCLEAN_STOP`, `GUEST_LOST`, the signal's reason.
 */
export async function flush(session: SshSession, options: StopOptions): Promise<"frozen" | "running"> {
  const { purpose, command, frozen, input } = options.profile.flush(options.baseline);
  using limit = deadline(
    flushTime,
    () => new ObError("UNCLEAN_STOP", `The guest did not ${purpose} within ${flushTime / 1000} s.`),
  );
  const signal = AbortSignal.any([options.signal, limit.signal]);
  const { promise: isFrozen, resolve } = Promise.withResolvers<"frozen">();
  let text = "";
  let errors = "";
  const running = execute(session, command, {
    signal,
    input,
    onStdout: (bytes) => {
      text += Buffer.from(bytes).toString("latin1");
      if (frozen !== undefined && text.split("\n").includes(frozen)) resolve("frozen");
    },
    onStderr: (bytes) => {
      errors = (errors + Buffer.from(bytes).toString()).slice(-2_000);
    },
  });
  // On a frozen file system nobody may write, the ssh server included: its end of the command need not come.
  const ended = running.then((status): "running" => {
    if (status.kind === "exited" && status.code === 0) return "running";
    throw new ObError("UNCLEAN_STOP", `The guest could not ${purpose}: ${errors.trim()}`);
  });
  ended.catch(() => undefined);
  const first = await Promise.race([isFrozen, ended]);
  return frozen !== undefined && text.split("\n").includes(frozen) ? "frozen" : first;
}

/**
 * Ends the machine. When it resolves, QEMU has closed the disks.
 *
 * @throws ObError `UNCLEAN_STOP` if the guest did not switch itself off or QEMU failed; the signal's reason.
 */
export async function stop(
  vm: Vm,
  options: StopOptions & { readonly session: SshSession; readonly state: "frozen" | "running" },
): Promise<void> {
  const { profile, session, state, signal } = options;
  vm.expectExit();
  if (state === "frozen") await vm.qmp.execute("quit", { signal });
  else if (profile.powerOff === "power button") await vm.qmp.execute("system_powerdown", { signal });
  else await capture(session, profile.powerOff.command, { signal });
  using limit = deadline(
    powerOffTime,
    () =>
      new ObError(
        "UNCLEAN_STOP",
        `The guest did not switch itself off within ${powerOffTime / 1000} s.${vm.consoleParagraph()}`,
      ),
  );
  const exit = await abortable(vm.exited, AbortSignal.any([signal, limit.signal]));
  if (exit.clean) return;
  throw new ObError("UNCLEAN_STOP", `QEMU ended with ${exit.how} instead of cleanly.\n${exit.words}`.trim());
}
