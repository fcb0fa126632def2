import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import type { Readable } from "node:stream";
import {
  abortReason,
  errnoCode,
  errorMessage,
  ObError,
  type SpaceGuard,
  spaceGuard,
  throwIfAborted,
} from "@ob/core";
import { createRunDirectory } from "@ob/qemu";
import { archiveFailure } from "../guest/guest-command.ts";

/** An archive that was read completely: in memory if it is small, else in a file that can be attached as a disk. */
export type SpooledArchive =
  | { readonly kind: "bytes"; readonly bytes: Uint8Array }
  | { readonly kind: "file"; readonly path: string };

export interface SpoolOptions {
  readonly openArchive: () => Readable;
  /** Absolute path of the directory that run directories are made in. */
  readonly stateDirectory: string;
  readonly signal: AbortSignal;
  /** The largest archive that stays in memory, in bytes; by default the largest for which the SSH connection is faster. */
  readonly inMemoryBytes?: number;
  /** By default that of the state directory's file system. */
  readonly space?: SpaceGuard;
}

/** An archive that is being read. Disposing ends that, and removes the file. */
export interface ArchiveSpool extends AsyncDisposable {
  /**
   * The whole archive.
   *
   * @throws ObError `BAD_SOURCE` if it is incomplete; `NO_SPACE`; the signal's reason.
   */
  readonly ready: Promise<SpooledArchive>;
}

/**
 * Up to this size, in bytes, the SSH connection is faster: a guest takes 0.25 s to see a disk, in which 8 MB go through
 * the connection under emulation.
 */
const smallBytes = 8 << 20;

/** The unit of writes, in bytes. The file is a multiple of it, since tar reads the disk in blocks of this size. */
const blockBytes = 1 << 20;

const archiveName = "the archive of the files to copy";

/** Starts to read an archive, so that it is ready when the guest is. */
export function spoolArchive(options: SpoolOptions): ArchiveSpool {
  const ending = new AbortController();
  const signal = AbortSignal.any([options.signal, ending.signal]);
  const stack = new AsyncDisposableStack();
  const ready = spool({ ...options, signal }, stack);
  // If the guest fails nothing may wait for it.
  ready.catch(() => undefined);
  return {
    ready,
    [Symbol.asyncDispose]: async () => {
      ending.abort();
      await ready.catch(() => undefined);
      await stack.disposeAsync();
    },
  };
}

async function spool(options: SpoolOptions, stack: AsyncDisposableStack): Promise<SpooledArchive> {
  const { openArchive, stateDirectory, signal, inMemoryBytes = smallBytes } = options;
  const { space = spaceGuard(stateDirectory, { what: archiveName }) } = options;
  throwIfAborted(signal);
  const archive = openArchive();
  // Without an error, which would be reported as one of the archive.
  const close = (): void => void archive.destroy();
  signal.addEventListener("abort", close, { once: true });
  const buffered: Uint8Array[] = [];
  let bytes = 0;
  let target: { readonly path: string; readonly file: FileHandle } | undefined;
  const write = async (file: FileHandle): Promise<void> => {
    await space.add(bytes);
    await written(file.writeFile(Buffer.concat(buffered.splice(0))));
    bytes = 0;
  };
  try {
    for await (const chunk of chunks(archive)) {
      buffered.push(chunk);
      bytes += chunk.length;
      if (bytes < (target ? blockBytes : inMemoryBytes)) continue;
      target ??= await written(createTarget(stateDirectory, stack));
      await write(target.file);
    }
    if (!target) return { kind: "bytes", bytes: Buffer.concat(buffered) };
    await write(target.file);
    const { size } = await target.file.stat();
    await written(target.file.truncate(Math.ceil(size / blockBytes) * blockBytes));
    return { kind: "file", path: target.path };
  } catch (error) {
    throw signal.aborted ? abortReason(signal) : error;
  } finally {
    signal.removeEventListener("abort", close);
    archive.destroy();
    await target?.file.close();
  }
}

async function* chunks(archive: Readable): AsyncGenerator<Uint8Array> {
  try {
    yield* archive as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw archiveFailure(error);
  }
}

async function createTarget(stateDirectory: string, stack: AsyncDisposableStack) {
  const directory = stack.use(await createRunDirectory(stateDirectory));
  const path = join(directory.path, "copy.tar");
  return { path, file: await open(path, "wx", 0o600) };
}

async function written<T>(writing: Promise<T>): Promise<T> {
  try {
    return await writing;
  } catch (cause) {
    if (errnoCode(cause) === "ENOSPC" || errnoCode(cause) === "EDQUOT") {
      throw new ObError("NO_SPACE", `The host's disk is full: there is no space for ${archiveName}.`, {
        hint: "Free some space.",
        cause,
      });
    }
    throw new ObError("STORE", `The archive of the files to copy cannot be written: ${errorMessage(cause)}`, {
      cause,
    });
  }
}
