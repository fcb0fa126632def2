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
  const withDrive = cygdriveToDrive(target);
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
  const rest = cygdriveToDrive(slashes(path));
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
  checkDriveLetters(index + 1);
  return `${String.fromCodePoint("d".charCodeAt(0) + index)}:`;
}

/**
 * The path, from the root of the system drive, that tar.exe unpacks an archive's entry at.
 *
 * @throws ObError `UNSUPPORTED` for another drive: tar.exe would drop the letter.
 */
export function unpackedPath(entry: string): string {
  const relative = slashes(entry).replace(/^\/+/, "");
  const letter = /^([a-z]):/i.exec(relative)?.[1];
  if (letter !== undefined && letter.toLowerCase() !== "c") {
    throw new ObError(
      "UNSUPPORTED",
      `Windows' tar cannot unpack on another drive than C: ${JSON.stringify(entry)}`,
      {
        hint: "Copy to C: and move it in a run.",
      },
    );
  }
  return relative.replace(/^[a-z]:\/*/i, "");
}

/** From `d:` to `z:`. */
const maxCaches = 23;

/** @throws ObError `UNSUPPORTED` if there are more caches than drive letters for their disks. */
export function checkDriveLetters(caches: number): void {
  if (caches <= maxCaches) return;
  throw new ObError(
    "UNSUPPORTED",
    `Windows has drive letters for ${maxCaches} caches, and the step has ${caches}.`,
    { hint: "Keep several directories in one cache, or split the step." },
  );
}

/**
 * Where a `copy` goes, with slashes. The id has the destination as the spec does, where a drive letter does not make a path
 * absolute. On Windows it does: `C:\x`, `C:/x` and `/cygdrive/c/x` are one place, whatever the workdir is.
 */
export function copyTarget(destination: string): string {
  const path = slashes(destination);
  const drive = [...path.matchAll(/(?<=^|\/)[a-z]:(?=\/|$)/gi)].at(-1);
  return drive ? path.slice(drive.index) : cygdriveToDrive(path);
}

/** A path to copy from, with slashes: its last part is the name of what is copied. */
export function copySource(path: string): string {
  return slashes(path);
}

function slashes(path: string): string {
  return path.replaceAll("\\", "/");
}

/** `/cygdrive/c/x` as `c:/x`; other paths as they are. */
function cygdriveToDrive(path: string): string {
  return path.replace(/^\/+cygdrive\/+([a-z])(?=\/|$)/i, "$1:");
}
