import { constants, statSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { errnoCode } from "./errors.ts";

/** True if there is anything at `path`; of a link, at its end. Rejects with Node's own error if that cannot be determined. */
// oxlint-disable-next-line require-await -- a trip to the thread pool takes ten times as long as the look itself.
export async function exists(path: string): Promise<boolean> {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    if (errnoCode(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** True if there is a file at `path`; false also if that cannot be determined. */
export async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ?? false;
}

/** A file as it was at some time: one that was changed or replaced since has another `id`. Renaming keeps it. */
export interface FileIdentity {
  /** Absolute path. */
  readonly path: string;
  readonly id: string;
}

/** Rejects with Node's own error if there is no such file. */
export async function fileIdentity(path: string): Promise<FileIdentity> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  return { path, id: [dev, ino, size, mtimeNs].join(" ") };
}

/** True if the file is still as it was. */
export async function isUnchanged({ path, id }: FileIdentity): Promise<boolean> {
  try {
    return (await fileIdentity(path)).id === id;
  } catch (error) {
    if (errnoCode(error) === undefined) throw error;
    return false;
  }
}

/**
 * The directories of PATH, and those where Debian keeps mke2fs, sfdisk and the like, which are not on the PATH of users
 * other than root.
 */
export function searchPath(): string {
  return [process.env["PATH"] ?? "", "/usr/sbin", "/sbin"].join(delimiter);
}

/** The path of a program where `run` looks for it; undefined if there is none of that name. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of searchPath().split(delimiter)) {
    const path = join(directory === "" ? "." : directory, name);
    try {
      await access(path, constants.X_OK);
      return path;
    } catch {
      // Not here: the next directory may have it.
    }
  }
  return undefined;
}
