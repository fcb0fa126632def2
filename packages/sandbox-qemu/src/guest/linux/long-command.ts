import { ObError, type RunTask } from "@ob/core";
import { checkText } from "../../ssh/quote/posix.ts";

/** The kernel limits one argument to 128 KiB. A longer command is passed as a file. */
const maxArgumentLength = 130_000;

/** The file that put-command.sh writes. */
export const commandPath = "/run/obuilder/command";

export function fitsInArgument(line: string): boolean {
  return Buffer.byteLength(line) < maxArgumentLength;
}

/**
 * The command of a task as the contents of a file.
 *
 * @throws ObError `UNSUPPORTED` if the task has a shell of its own: only the login shell is known to be a Bourne shell,
 *   which can read its command from a file.
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
