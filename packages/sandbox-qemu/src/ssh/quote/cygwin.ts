import { ObError } from "@ob/core";
import { checkText } from "./posix.ts";

/** The limit of Windows for a program's command line, less room for the shell's own path and quotes. */
const maxLineLength = 32_000;

/**
 * A command line that has Cygwin's bash run a script.
 *
 * Windows' sshd puts double quotes around what a client sends and escapes what is in it, and Cygwin takes that apart by
 * rules of its own, where quotes, backslashes and patterns change. So the script goes in as base64: in this line
 * nothing needs quoting. It is read as a file, and its standard input stays the client's.
 *
 * @throws ObError `UNSUPPORTED` if it is too long for Windows, or no text.
 */
export function cygwinCommand(script: string): string {
  checkText(script);
  const line = `. <(echo ${Buffer.from(script).toString("base64")} | /usr/bin/base64 -d)`;
  if (line.length <= maxLineLength) return line;
  throw new ObError(
    "UNSUPPORTED",
    "The command and its environment are longer than a command line of Windows can be (32,767 characters).",
    { hint: "Copy a script into the image and run that." },
  );
}

/** The script in a line that `cygwinCommand` made, for messages and tests. */
export function scriptOf(line: string): string {
  const encoded = /^\. <\(echo ([A-Za-z0-9+/=]+) \| /.exec(line)?.[1];
  if (encoded === undefined) throw new TypeError(`not a line for Cygwin: ${line}`);
  return Buffer.from(encoded, "base64").toString();
}
