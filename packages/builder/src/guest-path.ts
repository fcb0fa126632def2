import type { GuestOs } from "@ob/core";

/**
 * Where a `copy` goes in the guest itself, in slashes. The id knows the destination as the spec has it, where a drive
 * letter does not make a path absolute; Windows does: `C:\x`, `C:/x` and `/cygdrive/c/x` are one place, whatever the
 * workdir is.
 *
 * @param destination absolute, or below the workdir.
 */
export function copyTarget(os: GuestOs, destination: string): string {
  switch (os) {
    case "linux":
    case "openbsd":
      return destination;
    case "windows": {
      const path = slashes(destination);
      const drive = [...path.matchAll(/(?<=^|\/)[a-z]:(?=\/|$)/gi)].at(-1);
      if (drive) return path.slice(drive.index);
      return path.replace(/^\/+cygdrive\/+([a-z])(?=\/|$)/i, "$1:");
    }
  }
}

/** A path to copy from, in slashes: its last part is the name of what is copied. */
export function copySource(os: GuestOs, path: string): string {
  return os === "windows" ? slashes(path) : path;
}

function slashes(path: string): string {
  return path.replaceAll("\\", "/");
}
