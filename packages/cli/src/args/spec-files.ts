import { lstat, readdir } from "node:fs/promises";
import path from "node:path";
import { errnoCode, ObError } from "@ob/core";
import type { ProcessIo } from "../process-io.ts";
import { type Arguments, stringOption, stringOptions } from "./options.ts";
import { readSource } from "./spec-input.ts";

/** A spec that a command reads as text. */
export interface SpecFile {
  /** For messages: the path as it was given or found, or `<stdin>`. */
  readonly name: string;
  /** Undefined for standard input. */
  readonly path: string | undefined;
  /** Rejects as `readSpec` where the file cannot be read. */
  read(): Promise<Uint8Array>;
}

/** What takes the files of `specFiles`. */
export const specFilesArgument = {
  name: "PATH",
  describe: "A spec, or a directory with files *.spec at any depth; - is standard input",
  complete: "file",
} as const;

/**
 * The files that the arguments `PATH...` and `-f` name, in this order. Directories stand for the files `*.spec` in them; what is hidden,
 * `node_modules` and symbolic links in them are left out. Without a name it is standard input.
 *
 * @throws ObError `USAGE` if there is none, or a directory has none.
 */
export async function specFiles(args: Arguments, io: ProcessIo): Promise<readonly SpecFile[]> {
  const option = stringOption(args, "f");
  const given = [...stringOptions(args, specFilesArgument.name), ...(option === undefined ? [] : [option])];
  const names = given.length === 0 && io.stdin.isTTY !== true ? ["-"] : given;
  if (names.length === 0 || names.includes("")) {
    throw new ObError("USAGE", "No spec is given.", {
      hint: "Name a file or a directory; - reads standard input.",
    });
  }
  const found = (await Promise.all(names.map(expand))).flat();
  return [...new Set(found)].map((name) => ({
    name: name === "-" ? "<stdin>" : name,
    path: name === "-" ? undefined : name,
    read: () => readSource(name, io),
  }));
}

async function expand(name: string): Promise<readonly string[]> {
  // A file that does not exist is an error when it is read, beside those of the other files.
  const isDirectory = name !== "-" && (await lstat(`${name}/`).catch(ignoreMissing))?.isDirectory() === true;
  if (!isDirectory) return [name];
  const found = await specsBelow(name);
  if (found.length > 0) return found;
  throw new ObError("USAGE", `There is no file *.spec in the directory ${name}.`, {
    hint: "Name the files; their names may end in anything.",
  });
}

function ignoreMissing(error: unknown): undefined {
  if (errnoCode(error) === undefined) throw error;
}

/** Sorted. Links are not followed: they may lead out of the directory, and in circles. */
async function specsBelow(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause: unknown) => {
    throw new ObError("USAGE", `The directory ${directory} cannot be read.`, { cause });
  });
  const found: string[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = path.join(directory, entry.name);
    if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
    if (entry.isDirectory()) found.push(...(await specsBelow(name)));
    else if (entry.isFile() && entry.name.endsWith(".spec")) found.push(name);
  }
  return found;
}
