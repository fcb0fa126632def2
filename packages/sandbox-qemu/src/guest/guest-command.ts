import type { Readable } from "node:stream";
import { deadline, errorMessage, isObError, ObError, type OnOutput } from "@ob/core";
import { exitDeviceMissing, exitNoSparse } from "./exit-statuses.ts";
import type { GuestCommand } from "./profile.ts";
import { captureFramed, executeFramed, loginShellHint } from "./run-framed.ts";
import { type ExecStatus, statusText } from "../ssh/command.ts";
import { execute, type ExecOptions, type ExecResult } from "../ssh/exec.ts";
import { markFilter, newMark } from "../ssh/frame.ts";
import { type RootShell, maxInlineInput } from "../ssh/root-shell.ts";
import type { SshSession } from "../ssh/session.ts";

export interface GuestConnection {
  readonly session: SshSession;
  /** The persistent root shell; without it each command starts a shell of its own. */
  readonly shell?: RootShell | undefined;
  readonly signal: AbortSignal;
  readonly onOutput?: OnOutput | undefined;
}

/** How long one of OBuilder's own commands may take in the guest, in milliseconds. The longest is fsck of a cache. */
const commandTimeout = 600_000;

/**
 * Runs one of OBuilder's own commands in the guest and resolves with its standard output.
 *
 * @throws ObError the command's `failure` with its standard error; `GUEST_LOST`; the signal's reason.
 */
export async function runGuestCommand(command: GuestCommand, options: GuestConnection): Promise<string> {
  const { purpose, failure, hint } = command;
  using limit = deadline(
    commandTimeout,
    () => new ObError(failure, `The guest did not ${purpose} within ${commandTimeout / 1000} s.`, { hint }),
  );
  const signal = AbortSignal.any([options.signal, limit.signal]);
  return outputOf(command, await execViaRootShell(command, { ...options, signal }));
}

/** The standard output of one of OBuilder's own commands. @throws ObError as `runGuestCommand` if it has failed. */
export function outputOf(
  { purpose, failure, hint }: GuestCommand,
  { status, stdout, stderr }: ExecResult,
): string {
  if (succeeded(status)) return stdout;
  const said = stderr.trim() === "" ? statusText(status) : stderr.trim();
  throw new ObError(failure, `The guest could not ${purpose}: ${said}`, { hint });
}

/**
 * Runs a command in the persistent root shell if that is still open (a step can kill it), else in a session of its own. A script that
 * waits there is given the command's answer.
 */
export async function execViaRootShell(
  command: GuestCommand,
  { session, shell, signal }: GuestConnection,
): Promise<ExecResult> {
  const { script, input, answer } = command;
  if (answer !== undefined && shell?.isWaiting === true) return await shell.answer(answer, { signal });
  if (script !== undefined && shell?.isOpen === true && (input?.length ?? 0) <= maxInlineInput) {
    const result = await unlessEnded(shell, async () => await shell.run(script, { signal, input }));
    if (result) return result;
  }
  return await captureFramed(command, { session, signal, input });
}

/** @returns undefined if the root shell had already ended: the script has not run. Throws as the script does. */
export async function unlessEnded<Result>(
  shell: RootShell,
  runScript: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await runScript();
  } catch (error) {
    if (isObError(error, "GUEST_LOST") && shell.endedBetweenScripts) return undefined;
    throw error;
  }
}

/** How long it may take to kill the processes that a step's command left behind, in milliseconds. */
const killTimeout = 60_000;

/**
 * Runs the step's command and passes its output on as it arrives. The command ends when its process ends: processes that it
 * left behind and that still hold the output are killed by `killStrayProcesses`.
 *
 * @throws ObError `STEP_FAILED`, `GUEST_LOST`, the signal's reason.
 */
export async function runStepCommand(
  command: GuestCommand,
  options: GuestConnection & { readonly killStrayProcesses?: GuestCommand | undefined },
): Promise<void> {
  const { killStrayProcesses: kill } = options;
  const status = await executeStep(command, {
    ...options,
    killStrayProcesses: kill && (async () => await killStrayProcesses(kill, options)),
  });
  switch (status.kind) {
    case "exited":
      if (status.code === 0) return;
      throw new ObError("STEP_FAILED", `The command failed with exit status ${status.code}.`, {
        exitCode: status.code,
      });
    case "killed":
      throw new ObError("STEP_FAILED", `The command was ended by signal ${status.signal}.`, {
        data: { signal: status.signal },
      });
  }
}

/**
 * Runs the step's command; all that the login shell prints is passed on as well.
 *
 * @throws ObError `STEP_FAILED` if the login shell ends without having run the command; as `execute`.
 */
async function executeStep(
  command: GuestCommand,
  { session, signal, onOutput, killStrayProcesses: kill }: GuestConnection & StepExecution,
): Promise<ExecStatus> {
  const mark = newMark();
  const line = command.framed?.({ mark });
  const pass: OnOutput = (bytes) => onOutput?.(bytes);
  const streams = { output: markFilter(mark, pass), errors: markFilter(mark, pass) };
  const status = await execute(session, line?.command ?? command.command, {
    signal,
    onStdout: streams.output.add,
    onStderr: streams.errors.add,
    killStrayProcesses: kill,
  });
  await Promise.all([streams.output.end(), streams.errors.end()]);
  const wasRun = !line || streams.output.sawMark || streams.errors.sawMark;
  if (wasRun || status.kind === "killed") return status;
  throw new ObError(
    "STEP_FAILED",
    `The command was not run: the login shell ended first, with ${statusText(status)}.`,
    { hint: loginShellHint, exitCode: status.code },
  );
}

type StepExecution = Pick<ExecOptions, "killStrayProcesses">;

/** Ignores errors: they do not change the command's result, and the flush tries again and reports them. */
async function killStrayProcesses(command: GuestCommand, options: GuestConnection): Promise<void> {
  const { purpose, failure } = command;
  using limit = deadline(killTimeout, () => new ObError(failure, `The guest did not ${purpose}.`));
  const signal = AbortSignal.any([options.signal, limit.signal]);
  await runGuestCommand(command, { ...options, signal }).catch(() => undefined);
}

/** "no sparse files": nothing was unpacked, since the guest's tar cannot unpack files with holes. */
export type UnpackResult = "unpacked" | "no sparse files";

/**
 * Sends an archive to the guest's tar.
 *
 * @throws ObError `STEP_FAILED` with tar's standard error; `BAD_SOURCE` if the archive itself is cut short; `GUEST_LOST`; the
 *   signal's reason.
 */
export async function unpackArchive(
  command: GuestCommand,
  options: GuestConnection & { readonly archive: Readable },
): Promise<UnpackResult> {
  const { archive } = options;
  let broken: unknown;
  archive.once("error", (error) => {
    broken = error;
  });
  try {
    return resultOf(await runTar(command, options));
  } catch (error) {
    throw broken !== undefined && error === broken ? archiveFailure(broken) : error;
  } finally {
    archive.destroy();
  }
}

/**
 * Runs the guest's tar on an archive that was attached to the VM as a disk or CD-ROM.
 *
 * @returns "not seen" if the device did not appear in the guest in time.
 * @throws ObError `STEP_FAILED` with tar's standard error; `GUEST_LOST`; the signal's reason.
 */
export async function unpackFromDevice(
  command: GuestCommand,
  options: GuestConnection,
): Promise<UnpackResult | "not seen"> {
  const result = await runTar(command, options);
  const { status } = result;
  return status.kind === "exited" && status.code === exitDeviceMissing ? "not seen" : resultOf(result);
}

function resultOf({
  status,
  errors,
}: {
  readonly status: ExecStatus;
  readonly errors: string;
}): UnpackResult {
  if (succeeded(status)) return "unpacked";
  if (status.kind === "exited" && status.code === exitNoSparse) return "no sparse files";
  throw tarFailure(status, errors);
}

/** Runs tar; returns its status and the last 4000 characters of its standard error. */
async function runTar(
  command: GuestCommand,
  { session, shell, signal, onOutput, archive }: GuestConnection & { readonly archive?: Readable },
): Promise<{ readonly status: ExecStatus; readonly errors: string }> {
  const fits = (command.input?.length ?? 0) <= maxInlineInput;
  const { script } = command;
  if (archive === undefined && script !== undefined && shell?.isOpen === true && fits) {
    const running = async (): Promise<ExecResult> =>
      await shell.run(script, { signal, input: command.input });
    const result = await unlessEnded(shell, running);
    if (result) {
      const { status, stdout, stderr } = result;
      if (stdout + stderr !== "") await onOutput?.(Buffer.from(stdout + stderr));
      return { status, errors: stderr.slice(-4_000).trim() };
    }
  }
  let errors = "";
  const onStderr: OnOutput = (bytes) => {
    errors = (errors + Buffer.from(bytes).toString()).slice(-4_000);
    return onOutput?.(bytes);
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

/** The error of an archive that was cut short: its own `ObError`, or `BAD_SOURCE` with the cause. */
export function archiveFailure(cause: unknown): ObError {
  if (isObError(cause)) return cause;
  return new ObError("BAD_SOURCE", `The files to copy could not be read: ${errorMessage(cause)}`, { cause });
}
