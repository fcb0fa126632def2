import { ObError } from "@ob/core";
import type { GuestCommand } from "./profile.ts";
import type { ExecStatus } from "../ssh/command.ts";
import { captureBy, execute, type ExecOptions, type ExecResult } from "../ssh/exec.ts";
import { type FrameReader, frameReader, newMark } from "../ssh/frame.ts";
import type { SshSession } from "../ssh/session.ts";

export interface FramedOptions extends Omit<ExecOptions, "inputStart"> {
  readonly session: SshSession;
}

/**
 * Runs one of OBuilder's own commands in a frame: output of the login shell's start-up files is not passed on, and they
 * cannot read the command's input. If the command was not reached, the login shell's standard error is passed on instead.
 *
 * @throws ObError the command's `failure` if the login shell exits with status 0 without running it; as `execute`.
 */
export async function executeFramed(command: GuestCommand, options: FramedOptions): Promise<ExecStatus> {
  const { session, input, onStdout, onStderr } = options;
  const mark = newMark();
  const framed = command.framed?.({ mark, marksInput: input !== undefined });
  if (!framed) return await execute(session, command.command, options);
  const output = frameReader(mark, (bytes) => onStdout?.(bytes), { marksEnd: false });
  const errors = frameReader(mark, (bytes) => onStderr?.(bytes), { marksEnd: false });
  const status = await execute(session, framed.command, {
    ...options,
    inputStart: framed.inputStart,
    onStdout: output.add,
    onStderr: errors.add,
  });
  checkReached(command, { status, output, errors });
  if (errors.before !== "") await onStderr?.(Buffer.from(errors.before));
  return status;
}

/** Runs a command as `executeFramed` does, and captures its output. Throws as `executeFramed` does. */
export async function captureFramed(
  command: GuestCommand,
  options: Omit<FramedOptions, "onStdout" | "onStderr">,
): Promise<ExecResult> {
  return await captureBy(async (streams) => await executeFramed(command, { ...options, ...streams }));
}

export interface Reached {
  readonly status: ExecStatus;
  readonly output: FrameReader;
  readonly errors: FrameReader;
}

export const loginShellHint =
  "Look for an exit, an exec, or output that is sent elsewhere in the start-up files of the login user's shell, such as ~/.bashrc.";

/** Throws if the status is 0 but the command was not reached: then the status is the login shell's. */
export function checkReached(command: GuestCommand, { status, output, errors }: Reached): void {
  if (output.place !== "before" || status.kind !== "exited" || status.code !== 0) return;
  const said = errors.before.trim();
  throw new ObError(
    command.failure,
    `The guest could not ${command.purpose}: its login shell ended first${said === "" ? "." : `: ${said}`}`,
    { hint: loginShellHint },
  );
}
