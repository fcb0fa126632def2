import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Emit, errorMessage, ObError, run, errnoCode } from "@ob/core";

/** The prefix of the temporary names of `cp`. */
export const stagingPrefix = ".obuilder-cp-";

/** A private directory, removed with its contents on disposal. */
export interface Staging extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
}

/**
 * Creates it in another directory, and so on the same file system.
 *
 * @throws ObError `USAGE` if the other cannot be written to; `NO_SPACE`.
 */
export async function makeStaging(directory: string, emit: Emit): Promise<Staging> {
  const path = await mkdtemp(join(directory, stagingPrefix)).catch((cause: unknown) => {
    const full = errnoCode(cause) === "ENOSPC" || errnoCode(cause) === "EDQUOT";
    throw new ObError(
      full ? "NO_SPACE" : "USAGE",
      `Nothing can be copied to ${directory}: ${errorMessage(cause)}.`,
      { cause },
    );
  });
  return { path, [Symbol.asyncDispose]: () => remove(path, emit) };
}

/** The host's tools handle read-only directories, and paths of any length and any bytes. */
async function remove(path: string, emit: Emit): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch {
    await run(["chmod", "-R", "u+rwx", "--", path], { emit });
    await run(["rm", "-rf", "--", path], { emit });
  }
}
