import { link, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { errnoCode, errorMessage, exists, ObError, partialBeside } from "@ob/core";

/** A file or directory that is written whole. */
export interface Target {
  readonly path: string;
  readonly isDirectory: boolean;
  /** Replaces what is there: a file, or a directory that has the file `marker`. */
  readonly overwrite: boolean;
  /** A file that only such directories have: others are never replaced. */
  readonly marker?: string | undefined;
}

/** @throws ObError `USAGE` if there is something already, or the directory around it cannot be used. */
export async function checkTarget({ path, isDirectory, overwrite, marker }: Target): Promise<void> {
  const target = resolve(path);
  const around = await stat(dirname(target)).catch((cause: unknown) => {
    throw new ObError("USAGE", `The directory ${dirname(target)} cannot be opened: ${errorMessage(cause)}.`, {
      cause,
    });
  });
  if (!around.isDirectory()) throw new ObError("USAGE", `${dirname(target)} is not a directory.`);
  const found = await stat(target).catch((error: unknown) => {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found && found.isDirectory() !== isDirectory) {
    throw new ObError("USAGE", `${target} is ${isDirectory ? "not a directory" : "a directory"}.`, {
      hint: "Choose another name.",
    });
  }
  if (found && !isDirectory && !found.isFile())
    throw new ObError("USAGE", `${target} is not a file: it cannot be replaced.`);
  // A mistyped path must not remove a directory.
  const canReplace = !isDirectory || (marker !== undefined && (await exists(join(target, marker))));
  if (found && !(overwrite && canReplace)) throw isThere(target, { canReplace });
}

/** Has `write` write beside the target; the target appears when that is complete. */
export async function publish(target: Target, write: (partial: string) => Promise<void>): Promise<void> {
  const { isDirectory, overwrite } = target;
  const path = resolve(target.path);
  const partial = await partialBeside(path);
  try {
    await write(partial);
    if (!isDirectory && !overwrite) await link(partial, path);
    else {
      if (isDirectory && overwrite) await rm(path, { recursive: true, force: true });
      await rename(partial, path);
    }
    await sync(dirname(path));
  } catch (error) {
    const taken = ["EEXIST", "ENOTEMPTY"].includes(errnoCode(error) ?? "");
    throw taken ? isThere(path, { canReplace: true }) : error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Writes a new file, and flushes it. The contents are read to their end, or left if the signal fires. */
export async function writeNewFile(
  path: string,
  contents: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  // It exists before anything can fail: a stream that opens its file later would make it after its removal.
  await using file = await open(path, "wx");
  await file.writeFile(contents, { signal });
  await file.sync();
}

async function sync(path: string): Promise<void> {
  await using file = await open(path, "r");
  await file.sync();
}

function isThere(path: string, { canReplace }: { readonly canReplace: boolean }): ObError {
  return new ObError("USAGE", `There is already something at ${path}.`, {
    hint: "Choose another name.",
    data: canReplace ? { existing: path } : undefined,
  });
}
