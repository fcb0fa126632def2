import { mkdir, rmdir } from "node:fs/promises";
import { dirname, posix, resolve } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Emit, type EphemeralGuest, spaceGuard, withStoreErrors } from "@ob/core";
import type { FilesOutput } from "../args/output.ts";
import type { Output } from "../process-io.ts";
import { unpackArchive } from "../unpack/unpack-archive.ts";
import { publish, type Target, writeNewFile } from "./publish.ts";

export interface FilesOptions {
  readonly guest: EphemeralGuest;
  /** For an archive that is not written to a file. */
  readonly stdout: Output;
  readonly target: Target | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/**
 * Writes the files of a layer. What the guest says is read and checked as by `cp`: nothing is written but below the
 * destination, through no link, and what is refused leaves nothing.
 */
export async function writeFiles(output: FilesOutput, options: FilesOptions): Promise<void> {
  const { target, stdout, signal, emit } = options;
  const archive = await openArchive(output, options);
  if (!target) return await pipeline(archive, stdout, { end: false, signal });
  if (output.type === "local") return await unpackInto(resolve(target.path), archive, { signal, emit });
  await withStoreErrors(`write ${target.path}`, async () => await writeArchive(archive, target, signal));
}

async function openArchive(output: FilesOutput, { guest, signal, emit }: FilesOptions): Promise<Readable> {
  const { checkSourcePath, layerArchive } = await import("@ob/builder");
  const path = checkSourcePath(output.source);
  const isLocal = output.type === "local";
  const archivePath = (isDirectory: boolean): string => (isDirectory ? "" : posix.basename(path));
  return layerArchive(async () => guest, {
    items: [{ path, archivePath }],
    owner: { kind: isLocal ? "reader" : "same" },
    followLinks: true,
    skipDevices: isLocal,
    signal,
    emit,
  });
}

/** Unpacks into a directory, which is made if it is not there, and removed again if that fails. */
async function unpackInto(
  directory: string,
  archive: Readable,
  options: { readonly signal: AbortSignal; readonly emit: Emit },
): Promise<void> {
  // The outermost directory that was made, if any was.
  const made = await withStoreErrors(`make ${directory}`, () => mkdir(directory, { recursive: true }));
  try {
    await unpackArchive(archive, { ...options, directory });
  } catch (error) {
    if (made !== undefined) await removeEmpty(directory, made);
    throw error;
  }
}

/** Removes a directory and those around it, up to the outermost; what is not empty stays. */
async function removeEmpty(directory: string, outermost: string): Promise<void> {
  for (let each = directory; each.startsWith(outermost); each = dirname(each))
    await rmdir(each).catch(() => undefined);
}

async function writeArchive(archive: Readable, target: Target, signal: AbortSignal): Promise<void> {
  const space = spaceGuard(dirname(resolve(target.path)), { what: "the archive" });
  const guarded = async function* (): AsyncGenerator<Uint8Array> {
    for await (const bytes of archive) {
      if (!(bytes instanceof Uint8Array)) continue;
      await space.add(bytes.length);
      yield bytes;
    }
  };
  await publish(target, async (partial) => await writeNewFile(partial, guarded(), signal));
}
