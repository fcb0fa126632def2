import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Emit, messageOf, ObError, run, systemCode } from "@ob/core";

/** How the names of what `cp` has in the making begin. */
export const stagingPrefix = ".obuilder-cp-";

/** A directory of our own, which nobody else can open. It goes with all that is in it. */
export interface Staging extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
}

/**
 * Makes a directory in another, and so on its file system.
 *
 * @throws ObError `USAGE` if the other cannot be written to; `NO_SPACE`.
 */
export async function makeStaging(directory: string, emit: Emit): Promise<Staging> {
  const path = await mkdtemp(join(directory, stagingPrefix)).catch((cause: unknown) => {
    const full = systemCode(cause) === "ENOSPC" || systemCode(cause) === "EDQUOT";
    throw new ObError(
      full ? "NO_SPACE" : "USAGE",
      `Nothing can be copied to ${directory}: ${messageOf(cause)}.`,
      { cause },
    );
  });
  return { path, [Symbol.asyncDispose]: () => remove(path, emit) };
}

/** The host's own tools open directories that may not be written to, and take paths of any length and any bytes. */
async function remove(path: string, emit: Emit): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await run(["chmod", "-R", "u+rwx", "--", path], { emit });
    await run(["rm", "-rf", "--", path], { emit });
  }
}
