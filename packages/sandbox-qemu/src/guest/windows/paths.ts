import { ObError } from "@ob/core";

/**
 * What cmd does not take in a path without double quotes around it, or with those that Cygwin puts around a word with blanks.
 * `&`, `|`, `<`, `>`, `^`, `%`, `!`, quotes and parentheses mean something to cmd; `,`, `;` and `=` divide words there.
 */
const forbidden = /[^\p{L}\p{N} _.+@~$#{}[\]-]/u;

/** What a cache in its place would remove: Windows itself, everybody's home, Cygwin. */
const kept = /^[A-Z]:(?:\\(?:windows|users|program files|programdata|cygwin|cygwin64)(?:\\)?)?$/i;
const system = /^[A-Z]:\\windows\\/i;

/**
 * The directory that a cache is mounted at, as cmd has it: `C:\Users\opam\x`.
 *
 * @param target with backslashes or slashes, from the drive's letter or `/cygdrive/c`.
 * @throws ObError `UNSUPPORTED` for what cmd cannot be told, or what a junction must not replace.
 */
export function junctionPath(target: string): string {
  const refuse = (why: string, hint: string): never => {
    throw new ObError("UNSUPPORTED", `A cache cannot be mounted at ${JSON.stringify(target)}: ${why}.`, {
      hint,
    });
  };
  const withDrive = target.replace(/^\/cygdrive\/([a-z])(?=\/|$)/i, "$1:");
  const [, letter, rest] = /^([a-z]):[\\/]+(.*)$/is.exec(withDrive) ?? [];
  if (letter === undefined || rest === undefined) {
    return refuse("it has no drive", "Write it as Windows does: `C:\\\\Users\\\\opam\\\\cache` in a spec.");
  }
  const parts = rest.split(/[\\/]+/).filter((part) => part !== "");
  for (const part of parts) {
    const odd = forbidden.exec(part)?.[0];
    if (odd !== undefined) {
      refuse(
        `cmd cannot be given ${JSON.stringify(odd)}`,
        "Letters, digits, blanks and any of _ . + @ ~ $ # { } [ ] - can stand in a cache's target.",
      );
    }
    if (/[. ]$/.test(part) || part.startsWith(" ")) {
      refuse("a name there begins or ends with a blank or a dot", "Windows drops these: leave them out.");
    }
  }
  const path = [`${letter.toUpperCase()}:`, ...parts].join("\\");
  if (kept.test(path) || system.test(path)) {
    refuse(
      "the guest needs what is there",
      "What lies at the target of a cache is removed: take a directory of its own.",
    );
  }
  return path;
}

/** A path from the guest's root as Windows has it, in slashes: on drive C where it names none. */
export function drivePath(path: string): string {
  const rest = path.replaceAll("\\", "/").replace(/^\/+cygdrive\/+([a-z])(?=\/|$)/i, "$1:");
  const [, letter, onDrive] = /^\/*([a-z]):(?=\/|$)(.*)$/is.exec(rest) ?? [];
  return letter === undefined
    ? `C:/${rest.replace(/^\/+/, "")}`
    : `${letter.toUpperCase()}:${onDrive || "/"}`;
}

/** The directory above, or undefined where that is the drive itself. */
export function parentPath(path: string): string | undefined {
  const end = path.lastIndexOf("\\");
  return end <= 2 ? undefined : path.slice(0, end);
}

/** The drive of the cache disk of that index: `d:` and on. @throws ObError `UNSUPPORTED` past `z:`. */
export function driveOf(index: number): string {
  const last = 22;
  if (index > last) {
    throw new ObError("UNSUPPORTED", `Windows has drive letters for ${last + 1} caches in a step.`);
  }
  return `${String.fromCodePoint("d".charCodeAt(0) + index)}:`;
}

/**
 * The path, from the root of the system drive, that tar.exe unpacks an archive's entry at.
 *
 * @throws ObError `UNSUPPORTED` for another drive: tar.exe would drop the letter.
 */
export function unpackedPath(entry: string): string {
  const slashes = entry.replaceAll("\\", "/").replace(/^\/+/, "");
  const letter = /^([a-z]):/i.exec(slashes)?.[1];
  if (letter !== undefined && letter.toLowerCase() !== "c") {
    throw new ObError(
      "UNSUPPORTED",
      `Windows' tar cannot unpack on another drive than C: ${JSON.stringify(entry)}`,
      {
        hint: "Copy to C: and move it in a run.",
      },
    );
  }
  return slashes.replace(/^[a-z]:\/*/i, "");
}
