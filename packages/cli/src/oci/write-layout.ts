import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { link, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errnoCode, errorMessage, exists, ObError } from "@ob/core";
import type { LayoutFile } from "./container-disk.ts";
import { tarOf } from "./tar.ts";

/** Where an image layout goes to. */
export interface LayoutTarget {
  readonly path: string;
  /** One tar archive, or a directory. */
  readonly isArchive: boolean;
  /** Replaces what is there. */
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

/** A place beside a target, for what is not complete. */
export function partialBeside(target: string, what: string): string {
  return join(dirname(target), `.${basename(target)}.${randomUUID()}.${what}`);
}

/** @throws ObError `USAGE` if there is something already, or the directory around it cannot be used. */
export async function checkTarget({ path, isArchive, overwrite }: LayoutTarget): Promise<void> {
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
  if (found && found.isDirectory() === isArchive) {
    throw new ObError("USAGE", `${target} is ${isArchive ? "a directory" : "not a directory"}.`, {
      hint: isArchive ? "tar=false writes a directory." : "Choose another name.",
    });
  }
  // Only a layout is replaced: --force with a mistyped path must not remove a directory.
  const isLayout = isArchive || (await exists(join(target, "oci-layout")));
  if (found && !(overwrite && isLayout)) throw isThere(target, { canReplace: isLayout });
}

/** Writes an image layout, which appears when it is complete. */
export async function writeLayout(files: readonly LayoutFile[], target: LayoutTarget): Promise<void> {
  const { isArchive, overwrite, signal } = target;
  const path = resolve(target.path);
  const partial = partialBeside(path, "partial");
  try {
    await (isArchive ? writeArchive : writeDirectory)(files, partial, signal);
    if (isArchive && !overwrite) await link(partial, path);
    else {
      if (!isArchive && overwrite) await rm(path, { recursive: true, force: true });
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

async function writeArchive(files: readonly LayoutFile[], path: string, signal: AbortSignal): Promise<void> {
  const entries = files.map(({ path: name, size, read }) => ({
    header: { name, size, type: "file" as const, mode: 0o644 },
    read,
  }));
  await writeFile(tarOf(entries), path, signal);
}

async function writeDirectory(
  files: readonly LayoutFile[],
  directory: string,
  signal: AbortSignal,
): Promise<void> {
  for (const file of files) {
    const path = join(directory, file.path);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(file.read(), path, signal);
  }
}

async function writeFile(
  contents: AsyncIterable<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  await pipeline(Readable.from(contents, { objectMode: false }), createWriteStream(path), { signal });
  await sync(path);
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
