import { abortable, deadline, ObError, TailText } from "@ob/core";
import type { Vm } from "@ob/qemu";
import type { FlushCommand, GuestProfile } from "../guest/profile.ts";
import { type GuestConnection, unlessEnded } from "../guest/guest-command.ts";
import { captureFramed, executeFramed } from "../guest/run-framed.ts";
import { LineWatch } from "../ssh/line-watch.ts";
import type { ScriptResult } from "../ssh/root-shell.ts";

/** How long a guest may take to flush its disks, and to shut down, in milliseconds. */
const flushTimeout = 600_000;
const powerOffTimeout = 120_000;

/** How much of what a flush prints is kept, in characters. */
const maxReport = 262_144;
const maxErrors = 2_000;

export interface Flushed {
  /** Whether the file systems are frozen: then QEMU can simply quit. */
  readonly state: "frozen" | "running";
  /** What the flush printed. */
  readonly report: string;
}

/**
 * Has the guest write everything to its disks.
 *
 * @throws ObError `UNCLEAN_STOP`, `GUEST_LOST`, the signal's reason.
 */
export async function flush(command: FlushCommand, options: GuestConnection): Promise<Flushed> {
  const { purpose, frozen } = command;
  using limit = deadline(
    flushTimeout,
    () => new ObError("UNCLEAN_STOP", `The guest did not ${purpose} within ${flushTimeout / 1000} s.`),
  );
  const signal = AbortSignal.any([options.signal, limit.signal]);
  const flushing = { ...options, signal };
  const text = (await flushByShell(command, flushing)) ?? (await flushBySession(command, flushing));
  const lines = text.split("\n");
  const end = frozen === undefined ? -1 : lines.indexOf(frozen);
  if (end < 0) return { state: "running", report: text };
  return { state: "frozen", report: lines.slice(0, end).join("\n") };
}

/** @returns undefined if there is no root shell. */
async function flushByShell(command: FlushCommand, options: GuestConnection): Promise<string | undefined> {
  const { shell, signal } = options;
  const { script, waits, frozen, input } = command;
  if (shell?.isOpen !== true || script === undefined) return undefined;
  const result = await unlessEnded(shell, async (): Promise<ScriptResult> =>
    frozen === undefined || waits !== true
      ? await shell.run(script, { signal, input })
      : await shell.runUntilWaiting(script, { signal, waitsAfter: frozen }),
  );
  if (!result) return undefined;
  const { status, stdout, stderr } = result;
  if (status.kind === "waiting" || (status.kind === "exited" && status.code === 0)) return stdout;
  throw notFlushed(command, stderr);
}

/** On a frozen file system the SSH server cannot write either, so it may never report the end of the command. */
async function flushBySession(command: FlushCommand, options: GuestConnection): Promise<string> {
  const { session, signal } = options;
  const { input, frozen } = command;
  const { promise: isFrozen, resolve } = Promise.withResolvers<void>();
  const report = new TailText(maxReport);
  const errors = new TailText(maxErrors);
  const awaited = frozen === undefined ? undefined : new LineWatch(frozen);
  const running = executeFramed(command, {
    session,
    signal,
    input,
    onStdout: (bytes) => {
      const text = Buffer.from(bytes).toString("latin1");
      report.add(text);
      awaited?.add(text);
      if (awaited?.seen === true) resolve();
    },
    onStderr: (bytes) => errors.add(Buffer.from(bytes).toString()),
  });
  const succeeded = (async () => {
    const status = await running;
    if (status.kind !== "exited" || status.code !== 0) throw notFlushed(command, errors.text);
  })();
  succeeded.catch(() => undefined);
  await Promise.race([isFrozen, succeeded]);
  return report.text;
}

function notFlushed({ purpose }: FlushCommand, errors: string): ObError {
  return new ObError("UNCLEAN_STOP", `The guest could not ${purpose}: ${errors.trim()}`);
}

export interface StopOptions extends GuestConnection {
  readonly profile: GuestProfile;
  readonly state: Flushed["state"];
}

/**
 * Shuts the VM down. When this resolves QEMU has closed the disks.
 *
 * @throws ObError `UNCLEAN_STOP` if the guest did not shut down or QEMU failed; the signal's reason.
 */
export async function stop(vm: Vm, options: StopOptions): Promise<void> {
  const { profile, session, state, signal } = options;
  vm.expectExit();
  if (state === "frozen") await vm.qmp.execute("quit", { signal });
  else if (profile.shutdown === "acpi") await vm.qmp.execute("system_powerdown", { signal });
  else await captureFramed(profile.shutdown, { session, signal });
  using limit = deadline(
    powerOffTimeout,
    () =>
      new ObError(
        "UNCLEAN_STOP",
        `The guest did not shut down within ${powerOffTimeout / 1000} s.${vm.consoleParagraph()}`,
      ),
  );
  const exit = await abortable(vm.exited, AbortSignal.any([signal, limit.signal]));
  if (exit.clean) return;
  throw new ObError(
    "UNCLEAN_STOP",
    `QEMU ended with ${exit.description} instead of cleanly.\n${exit.stderrTail}`.trim(),
  );
}
