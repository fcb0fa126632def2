import { createHash } from "node:crypto";
import { closeSync, fstatSync, lstatSync, read as readWithCallback, readSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { promisify } from "node:util";
import { cancelledError, isObError, sha256, throwIfCancelled } from "@ob/core";
import pMap from "p-map";
import type { DigestCache } from "./digest-cache.ts";
import type { SourceTree } from "./source-tree.ts";

/** Files up to this size are read synchronously: for them asynchronous reading takes ten times as long. */
const smallBytes = 1 << 18;
const chunkBytes = 1 << 20;
/** How long small files are read before other work gets its turn, in milliseconds. */
const sliceMs = 10;
/** How many large files are read at a time. */
const concurrency = 4;
const read = promisify(readWithCallback);

export interface DigestOptions {
  /** Where the files are; their paths are also their keys in the cache. */
  readonly tree: SourceTree;
  readonly digests: DigestCache;
  /** Turns an error of the file system into the error to throw; undefined for what is not a file any more. */
  readonly explain: (cause: unknown, path: string) => Error;
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
  files: readonly string[],
  options: DigestOptions,
): Promise<readonly string[]> {
  const { digests: cache, signal } = options;
  await cache.load();
  const digests = new Map<string, string>();
  const large: string[] = [];
  const buffer = Buffer.allocUnsafe(smallBytes + 1);
  let sliceEnd = performance.now() + sliceMs;
  for (const file of files) {
    throwIfCancelled(signal);
    const digest = explained(
      file,
      options,
      () => cachedDigest(file, options) ?? digestIfSmall(file, options, buffer),
    );
    if (digest === undefined) large.push(file);
    else digests.set(file, digest);
    if (performance.now() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = performance.now() + sliceMs;
  }
  const digestOne = async (file: string) => digests.set(file, await digestLarge(file, options));
  await pMap(large, digestOne, { concurrency });
  return files.map((file) => digests.get(file) ?? "");
}

function explained<T>(path: string, { explain }: DigestOptions, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw isObError(error) ? error : explain(error, path);
  }
}

function cachedDigest(path: string, { tree, digests: cache }: DigestOptions): string | undefined {
  if (!cache.knows(path)) return undefined;
  // A missing file is reported when it is opened.
  const stats = lstatSync(tree.locate(path), { bigint: true, throwIfNoEntry: false });
  return stats && cache.get(path, stats);
}

function digestIfSmall(path: string, options: DigestOptions, buffer: Buffer): string | undefined {
  const { tree, digests: cache } = options;
  const startedMs = Date.now();
  const file = tree.openFile(path);
  try {
    const before = fstatSync(file, { bigint: true });
    if (!before.isFile()) throw options.explain(undefined, path);
    if (before.size > smallBytes) return undefined;
    const length = fill(file, buffer);
    // It has grown since the stat.
    if (length === buffer.length) return undefined;
    const digest = sha256(buffer.subarray(0, length));
    cache.set(path, { digest, before, after: fstatSync(file, { bigint: true }), startedMs });
    return digest;
  } finally {
    closeSync(file);
  }
}

/** Reads to the end of the file, or until the buffer is full. */
function fill(file: number, buffer: Buffer): number {
  let length = 0;
  while (length < buffer.length) {
    const count = readSync(file, buffer, length, buffer.length - length, null);
    if (count === 0) break;
    length += count;
  }
  return length;
}

async function digestLarge(path: string, options: DigestOptions): Promise<string> {
  const { tree, digests: cache, signal } = options;
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  const startedMs = Date.now();
  // Others of the large files move on in the tree meanwhile.
  const file = explained(path, options, () => tree.openFile(path));
  try {
    const before = fstatSync(file, { bigint: true });
    if (!before.isFile()) throw options.explain(undefined, path);
    for (;;) {
      const { bytesRead } = await read(file, buffer, 0, buffer.length, null);
      if (bytesRead === 0) {
        const digest = hash.digest("hex");
        cache.set(path, { digest, before, after: fstatSync(file, { bigint: true }), startedMs });
        return digest;
      }
      hash.update(buffer.subarray(0, bytesRead));
      if (signal?.aborted) break;
    }
  } catch (error) {
    throw isObError(error) ? error : options.explain(error, path);
  } finally {
    closeSync(file);
  }
  throw cancelledError(signal);
}
