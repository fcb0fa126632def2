import { lstat, mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Emit, errorMessage, isAbandonedName, ObError, ownedName, run, errnoCode } from "@ob/core";

/** The prefix of the temporary names of `cp`. */
const prefix = ".obuilder-cp-";

/** An unused name for something that `cp` makes in a destination. */
export function stagingName(): string {
  return ownedName(prefix);
}

/** A private directory, removed with its contents on disposal. */
export interface Staging extends AsyncDisposable {
  /** Absolute path. */
  readonly path: string;
}

/**
 * Creates it in another directory, and so on the same file system. Those that killed processes have left there are
 * removed.
 *
 * @throws ObError `USAGE` if the other cannot be written to; `NO_SPACE`.
 */
export async function makeStaging(directory: string, emit: Emit): Promise<Staging> {
  const path = join(directory, stagingName());
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (cause) {
    const full = errnoCode(cause) === "ENOSPC" || errnoCode(cause) === "EDQUOT";
    throw new ObError(
      full ? "NO_SPACE" : "USAGE",
      `Nothing can be copied to ${directory}: ${errorMessage(cause)}.`,
      { cause },
    );
  }
  const staging = { path, [Symbol.asyncDispose]: () => remove(path, emit) };
  await sweep(directory, emit);
  return staging;
}

/** Removes what is this user's and was made by a process that has ended. Errors are logged: the copy does not need it. */
async function sweep(directory: string, emit: Emit): Promise<void> {
  try {
    for (const name of await readdir(directory)) {
      if (!isAbandonedName(name, prefix)) continue;
      const path = join(directory, name);
      const found = await lstat(path);
      if (found.uid !== process.geteuid?.()) continue;
      emit({ type: "log", level: "debug", text: `removing ${path}, left by a killed process` });
      if (found.isDirectory()) await remove(path, emit);
      else await rm(path, { force: true });
    }
  } catch (error) {
    const text = `What killed copies have left in ${directory} is not removed: ${errorMessage(error)}.`;
    emit({ type: "log", level: "debug", text });
  }
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
