import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { setImmediate as nextTurn } from "node:timers/promises";
import { cancelled, sha256, throwIfCancelled } from "@ob/core";
import pMap from "p-map";

/** Files up to this size are read at once: for them the ways of asynchronous reading cost ten times the reading. */
const smallBytes = 1 << 18;
const chunkBytes = 1 << 20;
/** How long small files are read before others get their turn, in milliseconds. */
const sliceMs = 10;
/** How many large files are read at a time. */
const concurrency = 4;

export interface FileToDigest {
  readonly path: Buffer;
  /** Turns what the file system says into the error to throw. */
  readonly explain: (cause: unknown) => Error;
}

/**
 * The sha256 of each file, in their order.
 *
 * @throws what `explain` makes of the first file that cannot be read; ObError `CANCELLED`.
 */
export async function digestFiles(
  files: readonly FileToDigest[],
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const digests = new Map<FileToDigest, string>();
  const large: FileToDigest[] = [];
  let sliceEnd = performance.now() + sliceMs;
  for (const file of files) {
    throwIfCancelled(signal);
    const digest = digestIfSmall(file);
    if (digest === undefined) large.push(file);
    else digests.set(file, digest);
    if (performance.now() < sliceEnd) continue;
    await nextTurn();
    sliceEnd = performance.now() + sliceMs;
  }
  await pMap(large, async (file) => digests.set(file, await digestLarge(file, signal)), { concurrency });
  return files.map((file) => digests.get(file) ?? "");
}

function digestIfSmall({ path, explain }: FileToDigest): string | undefined {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      return fstatSync(file).size <= smallBytes ? sha256(readFileSync(file)) : undefined;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw explain(error);
  }
}

async function digestLarge(
  { path, explain }: FileToDigest,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafe(chunkBytes);
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, buffer.length);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(buffer.subarray(0, bytesRead));
      if (signal?.aborted) break;
    }
  } catch (error) {
    throw explain(error);
  }
  throw cancelled(signal);
}
