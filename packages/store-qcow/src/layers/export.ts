import { link, rename, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import {
  diskIn,
  type ExportOptions,
  type LayerId,
  errorMessage,
  ObError,
  partialBeside,
  resultDirectory,
  errnoCode,
  throwIfCancelled,
} from "@ob/core";
import { convert, disguiseOf, syncPath } from "@ob/qcow2";
import type { StoreContext } from "../context.ts";
import { pinLayer } from "./pin-layer.ts";

/** See `Store.export`. The disk is written beside the target, under a temporary name, until it is complete. */
export async function exportDisk(
  context: StoreContext,
  id: LayerId,
  { path, format = "qcow2", compress = false, overwrite = false, signal }: ExportOptions,
): Promise<void> {
  const { layout, emit } = context;
  throwIfCancelled(signal);
  using held = await pinLayer(context, id, signal);
  void held;
  const target = resolve(path);
  await checkTarget(target, overwrite);
  const partial = await partialBeside(target);
  try {
    await convert(diskIn(resultDirectory(layout, id)), partial, { to: format, compress, signal, emit });
    if (format === "raw") await refuseDisguised(id, partial);
    await syncPath(partial);
    if (overwrite) await rename(partial, target);
    // Unlike a rename, link fails if a file with that name was created in the meantime.
    else await link(partial, target).catch(async (error: unknown) => await appear(error, partial, target));
    await syncPath(dirname(target));
  } catch (error) {
    throw errnoCode(error) === "EEXIST" ? isThere(target) : error;
  } finally {
    await rm(partial, { force: true });
  }
}

/** Renames the file if the file system does not support hard links. */
async function appear(error: unknown, partial: string, target: string): Promise<void> {
  if (errnoCode(error) === "EEXIST") throw error;
  await checkTarget(target, false);
  await rename(partial, target);
}

async function checkTarget(target: string, overwrite: boolean): Promise<void> {
  const directory = dirname(target);
  const parent = await stat(directory).catch((cause: unknown) => {
    throw new ObError("USAGE", `The directory ${directory} cannot be opened: ${errorMessage(cause)}.`, {
      cause,
    });
  });
  if (!parent.isDirectory()) throw new ObError("USAGE", `${directory} is not a directory.`);
  const found = await stat(target).catch((error: unknown) => {
    if (errnoCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found?.isDirectory()) throw new ObError("USAGE", `${target} is a directory; name a file.`);
  if (found && !found.isFile()) throw new ObError("USAGE", `${target} is not a file: it cannot be replaced.`);
  if (found && !overwrite) throw isThere(target);
}

/** A raw disk has what the guest has written at its beginning, and no program can tell it from the header of a format. */
async function refuseDisguised(id: LayerId, disk: string): Promise<void> {
  const disguise = await disguiseOf(disk);
  if (disguise === undefined) return;
  throw new ObError(
    "BAD_SOURCE",
    `The disk of layer ${id} begins like a ${disguise} file: a program could take it for one, and open other files for it.`,
    { hint: "Another format than raw cannot be mistaken." },
  );
}

function isThere(target: string): ObError {
  return new ObError("USAGE", `There is already a file ${target}.`, {
    hint: "Choose another name.",
    data: { existing: target },
  });
}
