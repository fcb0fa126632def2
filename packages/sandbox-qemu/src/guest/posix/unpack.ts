import { fail } from "./fail.ts";
import { keepDirectories } from "./keep-directories.ts";

/**
 * The start of a script that unpacks: sets `keep` to the options with which tar follows links to directories that the
 * archive has as directories. Other tars than GNU's do so by themselves.
 */
export function unpackStart(tar: string): string {
  return `${fail}${keepDirectories(tar)}
keep=
[ $gnu = 0 ] || keep=--keep-directory-symlink`;
}

/** A script for root that does what `GuestProfile.unpack` must. @param tar the program. */
export function unpackScript(tar: string): string {
  return `${unpackStart(tar)}
keep_directories
${tar} -x $keep -f - -C /
unpacked $?`;
}
