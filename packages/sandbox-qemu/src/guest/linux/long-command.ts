import { ObError, type RunTask } from "@ob/core";
import { checkText } from "../../ssh/quote/posix.ts";

/** The kernel limits one argument to 128 KiB. */
const maxArgumentLength = 130_000;

/** A command for the login shell is passed as a file before that: a csh needs a longer command line than a Bourne shell. */
const maxLoginShellLength = 100_000;

/** The file that put-command.sh writes. */
export const commandPath = "/run/obuilder/command";

export function fitsInArgument(line: string): boolean {
  return Buffer.byteLength(line) < maxArgumentLength;
}

/** True if a task with this command line passes its command as a file. */
export function needsFile({ shell }: RunTask, line: string): boolean {
  return Buffer.byteLength(line) >= (shell.length === 0 ? maxLoginShellLength : maxArgumentLength);
}

/**
 * The command of a task as the contents of a file.
 *
 * @throws ObError `UNSUPPORTED` if the task has a shell of its own: only of the login shell it is known how it reads
 *   a command from a file.
 */
export function commandFile({ shell, command }: RunTask): Uint8Array {
  if (shell.length > 0) throw commandTooLong();
  checkText(command);
  return Buffer.from(command);
}

export function commandTooLong(): ObError {
  return new ObError(
    "UNSUPPORTED",
    "The command and its environment are longer than an argument can be (128 KiB).",
    { hint: "Copy a script into the image and run that." },
  );
}
