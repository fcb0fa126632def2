import type { Stats } from "node:fs";
import { errnoCode, errorMessage, ObError } from "@ob/core";

/** The kind of a file; `copy` accepts the first three. */
export type FileKind = "file" | "symlink" | "directory" | "socket" | "FIFO" | "device";

/** What has a file's kind: `Stats` and `Dirent`. */
type HasKind = Pick<Stats, "isFile" | "isSymbolicLink" | "isDirectory" | "isSocket" | "isFIFO">;

export function kindOf(found: HasKind): FileKind {
  if (found.isFile()) return "file";
  if (found.isSymbolicLink()) return "symlink";
  if (found.isDirectory()) return "directory";
  if (found.isSocket()) return "socket";
  return found.isFIFO() ? "FIFO" : "device";
}

/** The hint for what a copy need not take. */
const leaveOut = "leave it out, by its name in `(exclude …)` or by a pattern in .obuilderignore";

/** The error for what the file system says about a path of the source directory; empty for the directory itself. */
export function readError(cause: unknown, path: string, sourceDirectory: string): ObError {
  const name = path === "" ? `The source directory ${quoted(sourceDirectory)}` : quoted(path);
  const code = errnoCode(cause) ?? "";
  // A file name cannot have a NUL byte: there is no such file.
  if (code === "ENOENT" || code === "ERR_INVALID_ARG_VALUE") {
    const where = path === "" ? "" : ` in the source directory ${quoted(sourceDirectory)}`;
    return badSource(`${name} does not exist${where}.`, cause);
  }
  if (code === "EACCES" || code === "EPERM") {
    return new ObError("BAD_SOURCE", `${name} cannot be copied: this user may not read it.`, {
      cause,
      hint: path === "" ? "Allow this user to read it." : `Allow this user to read it, or ${leaveOut}.`,
    });
  }
  if (code === "ELOOP" || code === "ENOTDIR") return changedError(path, cause);
  return badSource(`Cannot read ${quoted(path)} in ${quoted(sourceDirectory)}: ${reason(cause)}`, cause);
}

/** Something is not any more what was listed, or differs from its digest. */
export function changedError(path: string, cause?: unknown): ObError {
  return new ObError("BAD_SOURCE", `${quoted(path)} was changed while it was being copied.`, {
    cause,
    hint: "Build again while nothing writes to the source directory.",
  });
}

/** @param isSource true if the spec names it: then no pattern leaves it out. */
export function notCopyable(path: string, kind: FileKind, isSource = false): ObError {
  const what = "`copy` takes files, directories and symbolic links.";
  return new ObError("BAD_SOURCE", `${quoted(path)} is a ${kind}, which cannot be copied.`, {
    hint: isSource ? what : `${what} Remove it, or ${leaveOut}.`,
  });
}

export function badSource(message: string, cause?: unknown): ObError {
  return new ObError("BAD_SOURCE", message, {
    cause,
    hint: "`src` names files and directories in the source directory.",
  });
}

export function quoted(path: string): string {
  return JSON.stringify(path);
}

/** Node's message without its call and path, which is one of `/proc`. */
function reason(cause: unknown): string {
  return errorMessage(cause).replace(/, \w+(?: '.*')?$/s, "");
}
