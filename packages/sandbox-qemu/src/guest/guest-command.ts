import type { Readable } from "node:stream";
import { deadline, errorMessage, isObError, ObError } from "@ob/core";
import { exitDeviceMissing, type GuestCommand } from "./profile.ts";
import { captureFramed, executeFramed } from "./run-framed.ts";
import { type ExecStatus, statusText } from "../ssh/command.ts";
import { execute, type ExecResult } from "../ssh/exec.ts";
import { type RootShell, maxInlineInput } from "../ssh/root-shell.ts";
import type { SshSession } from "../ssh/session.ts";

export interface GuestConnection {
  readonly session: SshSession;
  /** The superuser's, held open; without it each command has a shell of its own. */
  readonly shell?: RootShell | undefined;
  readonly signal: AbortSignal;
  readonly onOutput?: ((bytes: Uint8Array) => void) | undefined;
}

/** How long one of our own commands may take in the guest, in milliseconds: mending a file system is the longest. */
const commandTimeout = 600_000;

/**
 * Runs a command of ours in the guest and resolves with what it printed.
 *
 * @throws ObError the command's `failure` with what it said on its standard error; `GUEST_LOST`; the signal's reason.
 */
export async function runGuestCommand(command: GuestCommand, options: GuestConnection): Promise<string> {
  const { purpose, failure, hint } = command;
  using limit = deadline(
    commandTimeout,
    () => new ObError(failure, `The guest did not ${purpose} within ${commandTimeout / 1000} s.`, { hint }),
  );
  const signal = AbortSignal.any([options.signal, limit.signal]);
  const { status, stdout, stderr } = await execViaRootShell(command, { ...options, signal });
  if (succeeded(status)) return stdout;
  const said = stderr.trim() === "" ? statusText(status) : stderr.trim();
  throw new ObError(failure, `The guest could not ${purpose}: ${said}`, { hint });
}

/** By the shell that is held open if there still is one: a step can have ended it. */
export async function execViaRootShell(
  command: GuestCommand,
  { session, shell, signal }: GuestConnection,
): Promise<ExecResult> {
  const { script, input } = command;
  const held = script !== undefined && shell?.isOpen === true && (input?.length ?? 0) <= maxInlineInput;
  return held
    ? await shell.run(script, { signal, input })
    : await captureFramed(command, { session, signal, input });
}

/** How long the processes that a step's command has left may take to end, in milliseconds. */
const killTimeout = 60_000;

/**
 * Runs the step's command and passes its output on as it comes. It ends with its process: what that has left is ended by
 * `leftovers` if it still holds the output.
 *
 * @throws ObError `STEP_FAILED`, `GUEST_LOST`, the signal's reason.
 */
export async function runStepCommand(
  command: GuestCommand,
  options: GuestConnection & { readonly leftovers?: GuestCommand | undefined },
): Promise<void> {
  const { session, signal, onOutput, leftovers } = options;
  const status = await execute(session, command.command, {
    signal,
    onStdout: onOutput,
    onStderr: onOutput,
    killStrayProcesses: leftovers && (async () => await killStrayProcesses(leftovers, options)),
  });
  switch (status.kind) {
    case "exited":
      if (status.code === 0) return;
      throw new ObError("STEP_FAILED", `The command failed with exit status ${status.code}.`, {
        exitCode: status.code,
      });
    case "killed":
      throw new ObError("STEP_FAILED", `The command was ended by signal ${status.signal}.`);
  }
}

/** What cannot be ended does not change how the command ended; the flush meets it once more, and says so. */
async function killStrayProcesses(leftovers: GuestCommand, options: GuestConnection): Promise<void> {
  const { purpose, failure } = leftovers;
  using limit = deadline(killTimeout, () => new ObError(failure, `The guest did not ${purpose}.`));
  const signal = AbortSignal.any([options.signal, limit.signal]);
  await runGuestCommand(leftovers, { ...options, signal }).catch(() => undefined);
}

/**
 * Feeds an archive to the guest's tar.
 *
 * @throws ObError `STEP_FAILED` with what tar said; `BAD_SOURCE` if the archive itself breaks off; `GUEST_LOST`; the
 *   signal's reason.
 */
export async function unpackArchive(
  command: GuestCommand,
  options: GuestConnection & { readonly archive: Readable },
): Promise<void> {
  const { archive } = options;
  let broken: unknown;
  archive.once("error", (error) => {
    broken = error;
  });
  try {
    const { status, errors } = await runTar(command, options);
    if (!succeeded(status)) throw tarFailure(status, errors);
  } catch (error) {
    throw broken !== undefined && error === broken ? archiveFailure(broken) : error;
  } finally {
    archive.destroy();
  }
}

/**
 * Has the guest's tar unpack what was put into its machine.
 *
 * @throws ObError `STEP_FAILED` with what tar said; `GUEST_LOST`; the signal's reason.
 */
export async function unpackFromDevice(
  command: GuestCommand,
  options: GuestConnection,
): Promise<"unpacked" | "not seen"> {
  const { status, errors } = await runTar(command, options);
  if (succeeded(status)) return "unpacked";
  if (status.kind === "exited" && status.code === exitDeviceMissing) return "not seen";
  throw tarFailure(status, errors);
}

/** The status of an unpacking, and the last of what it said on its standard error. */
async function runTar(
  command: GuestCommand,
  { session, shell, signal, onOutput, archive }: GuestConnection & { readonly archive?: Readable },
): Promise<{ readonly status: ExecStatus; readonly errors: string }> {
  const fits = (command.input?.length ?? 0) <= maxInlineInput;
  if (archive === undefined && command.script !== undefined && shell?.isOpen === true && fits) {
    const { status, stdout, stderr } = await shell.run(command.script, { signal, input: command.input });
    if (stdout + stderr !== "") onOutput?.(Buffer.from(stdout + stderr));
    return { status, errors: stderr.slice(-4_000).trim() };
  }
  let errors = "";
  const onStderr = (bytes: Uint8Array): void => {
    errors = (errors + Buffer.from(bytes).toString()).slice(-4_000);
    onOutput?.(bytes);
  };
  const running = { session, signal, input: archive ?? command.input, onStdout: onOutput, onStderr };
  const status = await executeFramed(command, running);
  return { status, errors: errors.trim() };
}

function succeeded(status: ExecStatus): boolean {
  return status.kind === "exited" && status.code === 0;
}

function tarFailure(status: ExecStatus, errors: string): ObError {
  const said = errors === "" ? "" : `:\n${errors}`;
  return new ObError("STEP_FAILED", `The guest's tar ended with ${statusText(status)}${said}`, {
    exitCode: status.kind === "exited" ? status.code : undefined,
  });
}

/** What an archive that broke off says of it, or `BAD_SOURCE` with that. */
export function archiveFailure(cause: unknown): ObError {
  if (isObError(cause)) return cause;
  return new ObError("BAD_SOURCE", `The files to copy could not be read: ${errorMessage(cause)}`, { cause });
}
