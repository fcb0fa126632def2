import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { cancelledError, sha256, throwIfCancelled } from "@ob/core";
import pMap from "p-map";
import type { DigestCache } from "./digest-cache.ts";

/** Files up to this size are read synchronously: for them asynchronous reading takes ten times as long. */
const smallBytes = 1 << 18;
const chunkBytes = 1 << 20;
/** How long small files are read before other work gets its turn, in milliseconds. */
const sliceMs = 10;
/** How many large files are read at a time. */
const concurrency = 4;
const flags = constants.O_RDONLY | constants.O_NONBLOCK;

export interface FileToDigest {
  readonly path: Buffer;
  /** Its key in the cache. */
  readonly name: string;
  /** Turns an error of the file system into the error to throw. */
  readonly explain: (cause: unknown) => Error;
}

export interface DigestOptions {
  readonly digests: DigestCache;
  readonly signal: AbortSignal | undefined;
}

/**
 * The sha256 of each file, in their order. A file that the cache has in its present state is not read.
 *
 * It uses one thread: with the CPU's sha256 instructions hashing is faster than reading, and on two cores worker threads
 * cost more than they saved, for 200 MB as for 20,000 small files.
 *
 * @throws the error of `explain` for the first file that cannot be read; ObError `CANCELLED`.
 */
export async function digestFiles(
  files: readonly FileToDigest[],
  { digests: cache, signal }: DigestOptions,
): Promise<readonly string[]> {
  await cache.load();
  const digests = new Map<FileToDigest, string>();
  const large: FileToDigest[] = [];
  const buffer = Buffer.allocUnsafe(smallBytes + 1);
  let sliceEnd = performance.now() + sliceMs;
  for (const file of files) {
    throwIfCancelled(signal);
    const digest = cachedDigest(file, cache) ?? digestIfSmall(file, cache, buffer);
    if (digest === undefined) large.push(file);
    else digests.set(file, digest);
    if (performance.now() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = performance.now() + sliceMs;
  }
  const digestOne = async (file: FileToDigest) =>
    digests.set(file, await digestLarge(file, { digests: cache, signal }));
  await pMap(large, digestOne, { concurrency });
  return files.map((file) => digests.get(file) ?? "");
}

function cachedDigest({ path, name }: FileToDigest, cache: DigestCache): string | undefined {
  if (!cache.knows(name)) return undefined;
  // A missing file is reported when it is opened.
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && cache.get(name, stats);
}

function digestIfSmall(
  { path, name, explain }: FileToDigest,
  cache: DigestCache,
  buffer: Buffer,
): string | undefined {
  try {
    const startedMs = Date.now();
    const file = openSync(path, flags);
    try {
      const before = fstatSync(file, { bigint: true });
      if (before.size > smallBytes) return undefined;
      const length = fill(file, buffer);
      // It has grown since the stat.
      if (length === buffer.length) return undefined;
      const digest = sha256(buffer.subarray(0, length));
      cache.set(name, { digest, before, after: fstatSync(file, { bigint: true }), startedMs });
      return digest;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw explain(error);
  }
}

/** Reads to the end of the file, or until the buffer is full. */
function fill(file: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const read = readSync(file, buffer, length, buffer.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}

async function digestLarge(
  { path, name, explain }: FileToDigest,
  { digests: cache, signal }: DigestOptions,
): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    const startedMs = Date.now();
    await using file = await open(path, flags);
    const before = await file.stat({ bigint: true });
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) {
        const digest = hash.digest("hex");
        cache.set(name, { digest, before, after: await file.stat({ bigint: true }), startedMs });
        return digest;
      }
      hash.update(buffer.subarray(0, bytesRead));
      if (signal?.aborted) break;
    }
  } catch (error) {
    throw explain(error);
  }
  throw cancelledError(signal);
}
