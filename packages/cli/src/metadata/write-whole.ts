import { open, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { errnoCode, errorMessage, ObError, partialBeside } from "@ob/core";

/** @throws ObError `USAGE` if no file can be written there: it is reported before there is anything to write. */
export async function checkWritable(path: string, what: string): Promise<void> {
  const target = resolve(path);
  const around = await stat(dirname(target)).catch((cause: unknown) => {
    throw new ObError("USAGE", `${what} cannot be written: ${errorMessage(cause)}.`, { cause });
  });
  if (!around.isDirectory()) throw new ObError("USAGE", `${dirname(target)} is not a directory.`);
  if ((await kindOf(target)) === "directory") throw new ObError("USAGE", `${target} is a directory.`);
}

/** Writes a file, which appears complete or not at all. What is there is replaced; a pipe or a device is written to. */
export async function writeWhole(path: string, text: string): Promise<void> {
  const given = resolve(path);
  if ((await kindOf(given)) === "special") return await writeFile(given, text);
  const target = await realpath(given).catch(() => given);
  const partial = await partialBeside(target);
  try {
    await using file = await open(partial, "wx");
    await file.writeFile(text);
    await file.sync();
    await rename(partial, target);
  } finally {
    await rm(partial, { force: true });
  }
}

async function kindOf(path: string): Promise<"file" | "directory" | "special" | "nothing"> {
  try {
    const found = await stat(path);
    if (found.isFile()) return "file";
    return found.isDirectory() ? "directory" : "special";
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return "nothing";
    throw error;
  }
}
