import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { cancelled, sha256, throwIfCancelled } from "@ob/core";
import pMap from "p-map";
import type { DigestCache } from "./digest-cache.ts";

/** Files up to this size are read at once: for them the ways of asynchronous reading cost ten times the reading. */
const smallBytes = 1 << 18;
const chunkBytes = 1 << 20;
/** How long small files are read before others get their turn, in milliseconds. */
const sliceMs = 10;
/** How many large files are read at a time. */
const concurrency = 4;
const flags = constants.O_RDONLY | constants.O_NONBLOCK;

export interface FileToDigest {
  readonly path: Buffer;
  /** What the memory knows it by. */
  readonly name: string;
  /** Turns what the file system says into the error to throw. */
  readonly explain: (cause: unknown) => Error;
}

export interface DigestOptions {
  readonly digests: DigestCache;
  readonly signal: AbortSignal | undefined;
}

/**
 * The sha256 of each file, in their order. A file that the memory has in its present state is not read.
 *
 * One thread does it: a processor's own instructions hash faster than files are read, and on two cores threads of
 * their own took longer than what they saved, for 200 MB as for 20,000 small files.
 *
 * @throws what `explain` makes of the first file that cannot be read; ObError `CANCELLED`.
 */
export async function digestFiles(
  files: readonly FileToDigest[],
  { digests: memory, signal }: DigestOptions,
): Promise<readonly string[]> {
  await memory.load();
  const digests = new Map<FileToDigest, string>();
  const large: FileToDigest[] = [];
  const room = Buffer.allocUnsafe(smallBytes + 1);
  let sliceEnd = performance.now() + sliceMs;
  for (const file of files) {
    throwIfCancelled(signal);
    const digest = recalled(file, memory) ?? digestIfSmall(file, memory, room);
    if (digest === undefined) large.push(file);
    else digests.set(file, digest);
    if (performance.now() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = performance.now() + sliceMs;
  }
  const digestOne = async (file: FileToDigest) =>
    digests.set(file, await digestLarge(file, { digests: memory, signal }));
  await pMap(large, digestOne, { concurrency });
  return files.map((file) => digests.get(file) ?? "");
}

function recalled({ path, name }: FileToDigest, memory: DigestCache): string | undefined {
  if (!memory.knows(name)) return undefined;
  // One that has gone is met, and explained, by whoever opens it.
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats && memory.get(name, stats);
}

function digestIfSmall(
  { path, name, explain }: FileToDigest,
  memory: DigestCache,
  room: Buffer,
): string | undefined {
  try {
    const startedMs = Date.now();
    const file = openSync(path, flags);
    try {
      const before = fstatSync(file, { bigint: true });
      if (before.size > smallBytes) return undefined;
      const length = fill(file, room);
      // It has grown since.
      if (length === room.length) return undefined;
      const digest = sha256(room.subarray(0, length));
      memory.set(name, { digest, before, after: fstatSync(file, { bigint: true }), startedMs });
      return digest;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw explain(error);
  }
}

/** Reads to the file's end, or until the room is full. */
function fill(file: number, room: Buffer): number {
  let length = 0;
  while (length < room.length) {
    const read = readSync(file, room, length, room.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}

async function digestLarge(
  { path, name, explain }: FileToDigest,
  { digests: memory, signal }: DigestOptions,
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
        memory.set(name, { digest, before, after: await file.stat({ bigint: true }), startedMs });
        return digest;
      }
      hash.update(buffer.subarray(0, bytesRead));
      if (signal?.aborted) break;
    }
  } catch (error) {
    throw explain(error);
  }
  throw cancelled(signal);
}
