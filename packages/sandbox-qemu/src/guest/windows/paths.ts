import { ObError } from "@ob/core";

/**
 * Characters that cmd does not accept in a path without double quotes around it, or with those that Cygwin puts around a
 * word with blanks. `&`, `|`, `<`, `>`, `^`, `%`, `!`, quotes and parentheses are special to cmd; `,`, `;` and `=`
 * separate words.
 */
const forbidden = String.raw`[^\p{L}\p{N} _.+@~$#{}[\]-]`;

/** Directories that a cache must not replace: Windows itself, the users' home directories, Cygwin. */
const kept = /^[A-Z]:(?:\\(?:windows|users|program files|programdata|cygwin|cygwin64)(?:\\)?)?$/i;
const system = /^[A-Z]:\\windows\\/i;

/**
 * The directory that a cache is mounted at, in the form that cmd accepts: `C:\Users\opam\x`.
 *
 * @param target with backslashes or slashes, and with a drive letter or `/cygdrive/c`.
 * @throws ObError `UNSUPPORTED` for a path that cmd does not accept, or that a junction must not replace.
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
    const odd = new RegExp(forbidden, "u").exec(part)?.[0];
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

/** A path from the guest's root in Windows' form with slashes. Without a drive letter it is on drive C. */
export function drivePath(path: string): string {
  const rest = cygdriveToDrive(slashes(path));
  const [, letter, onDrive] = /^\/*([a-z]):(?=\/|$)(.*)$/is.exec(rest) ?? [];
  return letter === undefined
    ? `C:/${rest.replace(/^\/+/, "")}`
    : `${letter.toUpperCase()}:${onDrive || "/"}`;
}

/** The parent directory, or undefined if that is the root of the drive. */
export function parentPath(path: string): string | undefined {
  const end = path.lastIndexOf("\\");
  return end <= 2 ? undefined : path.slice(0, end);
}

/**
 * The drive of the cache disk with that index: `d:`, `e:` and so on.
 *
 * @throws ObError `UNSUPPORTED` after `z:`.
 */
export function driveOf(index: number): string {
  checkDriveLetters(index + 1);
  return `${String.fromCodePoint("d".charCodeAt(0) + index)}:`;
}

/**
 * The path that tar.exe unpacks an archive entry at, relative to the root of the system drive.
 *
 * @throws ObError `UNSUPPORTED` for another drive: tar.exe would drop the letter. For a name that Windows has no files of.
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
  const path = relative.replace(/^[a-z]:\/*/i, "");
  checkNames(path, entry);
  return path;
}

/**
 * Names that Windows has no files of: with characters that tar.exe replaces by `_` (libarchive's
 * archive_write_disk_windows.c, cleanup_pathname) or Windows refuses, with an end that Windows drops, or those of devices
 * (Microsoft's "Naming Files, Paths, and Namespaces").
 */
// oxlint-disable-next-line no-control-regex -- Windows refuses control characters in names.
const unusable = /[\u0000-\u001F:*?"<>|]|[. ]$|^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

function checkNames(path: string, entry: string): void {
  const name = path.split("/").find((part) => part !== "." && part !== ".." && unusable.test(part));
  if (name === undefined) return;
  throw new ObError(
    "UNSUPPORTED",
    `Windows cannot have a file of the name ${JSON.stringify(name)}: ${JSON.stringify(entry)} cannot be copied.`,
    { hint: "Rename it, or leave it out of the copy." },
  );
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
 * The destination of a `copy`, with slashes. The layer id covers the destination as the spec writes it, where a drive
 * letter does not make a path absolute. On Windows it does: `C:\x`, `C:/x` and `/cygdrive/c/x` are the same path,
 * whatever the workdir is.
 */
export function copyTarget(destination: string): string {
  const path = slashes(destination);
  const drive = [...path.matchAll(/(?<=^|\/)[a-z]:(?=\/|$)/gi)].at(-1);
  return drive ? path.slice(drive.index) : cygdriveToDrive(path);
}

/** The source path of a copy, with slashes, so that its last part is the name of the copied item. */
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
