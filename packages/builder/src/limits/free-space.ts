import { statfs } from "node:fs/promises";
import { ObError } from "@ob/core";
import { sizeText } from "./size-text.ts";

/** How often the free space is looked at, in milliseconds: a disk is written with some hundred megabytes a second. */
const interval = 2_000;

/** Watches a file system until it is disposed of. */
export interface SpaceWatch extends AsyncDisposable {
  /** Fires with `NO_SPACE` when less than the reserve is free. */
  readonly signal: AbortSignal;
}

/** What a test replaces. */
interface WatchOptions {
  /** The bytes that are free where a directory is; undefined if that is not known. */
  readonly free?: (directory: string) => Promise<number | undefined>;
  readonly intervalMs?: number;
}

/**
 * Watches the file system that a directory is on.
 *
 * @param reserve in bytes; with 0 nothing is watched.
 * @throws ObError `NO_SPACE` if less is free already.
 */
export async function watchFreeSpace(
  directory: string,
  reserve: number,
  { free: freeIn = freeBytes, intervalMs = interval }: WatchOptions = {},
): Promise<SpaceWatch> {
  const controller = new AbortController();
  const { signal } = controller;
  if (reserve === 0) return { signal, [Symbol.asyncDispose]: () => Promise.resolve() };
  let looking = Promise.resolve();
  const look = async () => {
    const free = await freeIn(directory);
    if (free !== undefined && free < reserve) controller.abort(tooLittle(free, reserve));
  };
  await look();
  if (signal.aborted) throw signal.reason;
  const timer = setInterval(() => {
    looking = look();
  }, intervalMs);
  return {
    signal,
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await looking;
    },
  };
}

/** What this user can still write. Undefined where it cannot be found out. */
async function freeBytes(directory: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}

function tooLittle(free: number, reserve: number): ObError {
  const message = `${sizeText(free)} are free on the store's disk, less than the reserve of ${sizeText(reserve)}.`;
  return new ObError("NO_SPACE", message, { data: { reserve: String(reserve) } });
}
