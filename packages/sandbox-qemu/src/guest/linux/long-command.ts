import { ObError, type RunTask } from "@ob/core";
import { checkText } from "../../ssh/quote/posix.ts";

/** The kernel's limit for one argument is 128 KiB: a longer command goes in as a file. */
const maxArgumentLength = 130_000;

/** Where put-command.sh writes the file. */
export const commandPath = "/run/obuilder/command";

export function fitsInArgument(line: string): boolean {
  return Buffer.byteLength(line) < maxArgumentLength;
}

/**
 * The command of a task as the contents of a file.
 *
 * @throws ObError `UNSUPPORTED` with another shell than the login shell: only that is known to be a Bourne shell, which can
 *   be told to read its command from a file.
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
