import { ObError } from "@ob/core";
import { checkText } from "./posix.ts";

/** The limit of Windows for a command line, minus space for the shell's own path and quotes. */
const maxLineLength = 32_000;

/**
 * A command line that has Cygwin's bash run a script.
 *
 * Windows' sshd puts a client's command in double quotes and escapes it, and Cygwin parses that by rules of its own, which
 * change quotes, backslashes and patterns. So the script is sent as base64: nothing in this line needs quoting. It is
 * sourced as a file, and its standard input stays the client's.
 *
 * PowerShell/openssh-portable contrib/win32/win32compat/w32-doexec.c; Cygwin winsup/cygwin/dcrt0.cc build_argv.
 *
 * @throws ObError `UNSUPPORTED` if it is too long for Windows, or is not text.
 */
export function cygwinCommand(script: string): string {
  checkText(script);
  const line = `. <(echo ${Buffer.from(script).toString("base64")} | /usr/bin/base64 -d)`;
  if (line.length <= maxLineLength) return line;
  throw new ObError(
    "UNSUPPORTED",
    "The command and its environment are longer than a command line can be on Windows (32,767 characters).",
    { hint: "Copy a script into the image and run that." },
  );
}

/** The script of a line that `cygwinCommand` made, for messages and tests. */
export function scriptOf(line: string): string {
  const encoded = /^\. <\(echo ([A-Za-z0-9+/=]+) \| /.exec(line)?.[1];
  if (encoded === undefined) throw new TypeError(`not a line of cygwinCommand: ${line}`);
  return Buffer.from(encoded, "base64").toString();
}
