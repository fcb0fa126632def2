import { ObError } from "@ob/core";

/**
 * Characters that are the same between single quotes in every shell: neither `'` (rc doubles it) nor `!` (csh expands it), no
 * backslash (an escape in fish), no newline (csh) and nothing that is not ASCII.
 */
const plain = /[^\w./:,+\- $"()[\]{}<>|;&*?=#~^%`]/gu;

/** csh rejects longer words; some of its versions have a limit of 1,024 characters. */
const maxWordLength = 400;

/** Linux' limit for one argument, which sshd passes the whole line as, minus space for the shell's own path. */
const maxLineLength = 131_000;

/**
 * Restores the script from its words, where `@` stands for a backslash: `printf %b` undoes the escapes. `tr` makes the
 * backslash, as the next character of a range.
 */
const decoder =
  'eval "$(IFS=;b=$(printf %s C|PATH=/usr/bin:/bin tr A-F Z-_);set -f;s="$*";IFS=@;set -- $s;IFS=$b;printf %b "$*")"';

/** Shells that read a quoted line as a Bourne shell does, by the names of their programs. */
const bourneShell = /^(?:|a|ba|da|k|lok|mk|ok|pdk|ya|z)sh\d*$/;

/** @param path of a login shell. */
export function isBourneShell(path: string): boolean {
  return bourneShell.test(path.slice(path.lastIndexOf("/") + 1));
}

/**
 * A command line that every login shell reads in the same way, also csh, tcsh, fish and rc: it has /bin/sh run a script.
 *
 * @throws ObError `UNSUPPORTED` if it is too long.
 */
export function anyShellCommand(script: string): string {
  // The words would be its arguments. Splitting drops an empty word at the end, so the last character is not a backslash.
  const encoded = `set --;${script}\n`.replaceAll(plain, (character, at: number, all: string) =>
    escape(character, all.charAt(at + character.length)),
  );
  const words = encoded.match(new RegExp(`[^]{1,${maxWordLength}}`, "g")) ?? [];
  const line = ["exec /bin/sh -c", decoder, "obuilder", ...words]
    .map((word, index) => (index === 0 ? word : `'${word}'`))
    .join(" ");
  if (line.length <= maxLineLength) return line;
  throw new ObError(
    "UNSUPPORTED",
    "The command and its environment are longer than a command line can be for the guest's login shell (128 KiB).",
    { hint: "Copy a script into the image and run that." },
  );
}

/** The shortest escapes for the most frequent characters: a quote in a quoted script takes four of them. */
function escape(character: string, next: string): string {
  if (character === "\n") return "@n";
  if (character === "\\") return "@@";
  const isAmbiguous = /[0-7]/.test(next);
  return Array.from(Buffer.from(character), (byte) => {
    const digits = byte.toString(8);
    return `@0${isAmbiguous ? digits.padStart(3, "0") : digits}`;
  }).join("");
}
