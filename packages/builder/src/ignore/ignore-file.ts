import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import { errnoCode, errorMessage, ObError } from "@ob/core";
import { fromBytes } from "@ob/spec";
import { SourceTree } from "../source/source-tree.ts";
import type { IgnoreRules } from "./ignore-rules.ts";

/** The names of ignore files in the source directory: the first that exists counts. */
const ignoreFiles = [".obuilderignore", ".dockerignore"];
const maxBytes = 1 << 20;

/**
 * Reads the ignore file of a source directory. A link to one is followed within the directory.
 *
 * @param choice the absolute path of another file; false for none; by default `.obuilderignore`, else `.dockerignore`.
 * @returns undefined if there is none, or no pattern in it.
 * @throws ObError `BAD_SOURCE` if it cannot be read, is not a file, or has a pattern that is not valid.
 */
export async function loadIgnoreRules(
  sourceDirectory: string,
  choice: string | false | undefined,
): Promise<IgnoreRules | undefined> {
  if (choice === false) return undefined;
  const rules =
    choice === undefined
      ? await findIgnoreFile(sourceDirectory)
      : await readIgnoreFile(choice, () => openSync(choice, constants.O_RDONLY | constants.O_NONBLOCK));
  return rules?.patterns.length === 0 ? undefined : rules;
}

async function findIgnoreFile(sourceDirectory: string): Promise<IgnoreRules | undefined> {
  using tree = new SourceTree(sourceDirectory);
  const name = ignoreFiles.find((each) => isThere(join(sourceDirectory, each)));
  if (name === undefined) return undefined;
  const path = await followWithin(sourceDirectory, name);
  return await readIgnoreFile(name, () => tree.openFile(path));
}

/** True also for a link that leads nowhere. Other errors come up again when the file is read. */
function isThere(path: string): boolean {
  try {
    return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return true;
  }
}

/** The path of a file in the source directory, of a link that of its target. */
async function followWithin(sourceDirectory: string, name: string): Promise<string> {
  const real = await realpath(join(sourceDirectory, name)).catch((cause: unknown) => {
    throw cannotRead(name, cause);
  });
  const path = relative(await realpath(sourceDirectory), real);
  if (path !== ".." && !path.startsWith("../")) return path;
  throw new ObError("BAD_SOURCE", `${name} is a link that leads out of the source directory.`, {
    hint: "Replace it by a file.",
  });
}

async function readIgnoreFile(name: string, open: () => number): Promise<IgnoreRules> {
  const text = readText(name, open);
  // Loading the engine of its regular expressions takes longer than everything else in a build without an ignore file.
  const { parseIgnoreFile } = await import("./parse-ignore-file.ts");
  return parseIgnoreFile(text, name);
}

function readText(name: string, open: () => number): string {
  let file: number;
  try {
    file = open();
  } catch (cause) {
    throw cannotRead(name, cause);
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile()) throw unreadable(name, "is not a file");
    if (stats.size > maxBytes) throw unreadable(name, "is larger than 1 MiB");
    return fromBytes(readFileSync(file));
  } finally {
    closeSync(file);
  }
}

function cannotRead(name: string, cause: unknown): ObError {
  if (errnoCode(cause) === "ENOENT") return unreadable(name, "does not exist", cause);
  return unreadable(name, `cannot be read: ${errorMessage(cause)}`, cause);
}

function unreadable(name: string, why: string, cause?: unknown): ObError {
  return new ObError("BAD_SOURCE", `The ignore file ${name} ${why}.`, { cause });
}
