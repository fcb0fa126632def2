import type { Packed } from "../reference/descriptor.ts";
import { type FileHandle, lstat, open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream/promises";
import { abortReason, errnoCode, errorMessage, isObError, spaceGuard, toStoreError } from "@ob/core";
import { openBlob } from "../client/download.ts";
import { SparseFile } from "../compress/sparse-file.ts";
import { zstdDecompressor } from "../compress/zstd.ts";
import { registryError } from "../errors.ts";
import { addFile, type Content, Digester } from "../reference/digest.ts";
import type { Repository } from "./repository.ts";

export interface PullOptions {
  readonly signal: AbortSignal;
  /** Leaves what came before a failure in `TO.partial`, and goes on from there the next time. */
  readonly keepPartial?: boolean | undefined;
}

/**
 * Pulls a blob into a file, which appears when its bytes have been verified. The caller syncs it.
 *
 * @returns false if the registry does not have the blob.
 * @throws ObError `REGISTRY`, `NO_SPACE`, `STORE`, the signal's reason.
 */
export async function pullBlob(
  repository: Repository,
  content: Content,
  { to, signal, keepPartial = false }: PullOptions & { readonly to: string },
): Promise<boolean> {
  return await intoFile({ to, keepPartial, signal }, async (partial) => {
    const digester = keepPartial ? await readPartial(partial, content, signal) : new Digester();
    const onBytes = repository.pullCounter(content, digester.size);
    const start = digester.size;
    const blob = await openBlob({ ...repository.access(signal), onBytes }, content, digester);
    if (!blob) return false;
    await using file = await open(partial, start > 0 ? "r+" : keepPartial ? "w" : "wx", 0o600);
    const guard = spaceGuard(dirname(to), { what: `the blob ${content.digest}` });
    let position = start;
    for await (const chunk of blob.bytes) {
      await guard.add(chunk.length);
      position += await writeAll(file, chunk, position);
    }
    return true;
  });
}

/** @throws ObError `REGISTRY` for a blob that holds more than `limit` bytes, as its manifest says. */
export function refuseLonger({ blob, content }: Packed, limit: number): void {
  if (content.size <= limit && (blob.digest !== content.digest || blob.size <= limit)) return;
  throw registryError(
    `The blob ${blob.digest} holds ${Math.max(content.size, blob.size)} bytes: more than ${limit} are not unpacked.`,
    { data: { problem: "corrupt" } },
  );
}

/** As `pullBlob`, and unpacks it on the way: to as many bytes as the manifest says. */
export async function unpackBlob(
  repository: Repository,
  { blob: packed, content }: Packed,
  { to, signal }: { readonly to: string; readonly signal: AbortSignal },
): Promise<boolean> {
  return await intoFile({ to, keepPartial: false, signal }, async (partial) => {
    const onBytes = repository.pullCounter(packed);
    const blob = await openBlob({ ...repository.access(signal), onBytes }, packed);
    if (!blob) return false;
    await using file = await SparseFile.create(partial);
    const guard = spaceGuard(dirname(to), { what: `the contents of the blob ${packed.digest}` });
    const digester = new Digester();
    const sink = async (chunks: AsyncIterable<Uint8Array>): Promise<void> => {
      for await (const chunk of chunks) {
        digester.add(chunk);
        if (digester.size > content.size)
          throw mismatch(packed, `more than ${content.size} bytes come out of it`);
        await guard.add(chunk.byteLength);
        await file.write(chunk);
      }
    };
    try {
      await pipeline(blob.bytes, zstdDecompressor(), sink, { signal });
    } catch (error) {
      throw isZstdError(error) ? mismatch(packed, `it is not zstd (${errorMessage(error)})`) : error;
    }
    await file.finish();
    const found = digester.finish();
    if (found !== content.digest) throw mismatch(packed, `its contents have the digest ${found}`);
    return true;
  });
}

function mismatch({ digest }: Content, what: string): Error {
  return registryError(`The blob ${digest} is not what its manifest says: ${what}.`, {
    data: { problem: "corrupt" },
  });
}

function isZstdError(error: unknown): boolean {
  return /^(?:ZSTD_|ERR_ZSTD|ERR_BUFFER|Z_)/.test(errnoCode(error) ?? "");
}

/** Runs `write` on `TO.partial`, which becomes `TO` if it resolves with true. */
async function intoFile(
  {
    to,
    keepPartial,
    signal,
  }: { readonly to: string; readonly keepPartial: boolean; readonly signal: AbortSignal },
  write: (partial: string) => Promise<boolean>,
): Promise<boolean> {
  const partial = `${to}.partial`;
  try {
    if (!keepPartial) await rm(partial, { force: true });
    const isWritten = await write(partial);
    if (isWritten) await rename(partial, to);
    return isWritten;
  } catch (error) {
    const isCorrupt = isObError(error, "REGISTRY") && error.data?.["problem"] === "corrupt";
    if (!keepPartial || isCorrupt) await rm(partial, { force: true }).catch(() => undefined);
    if (signal.aborted) throw abortReason(signal);
    // A code of the file system, and not one of Node.js's own such as `ERR_…`.
    throw /^E[A-Z0-9]+$/.test(errnoCode(error) ?? "") ? toStoreError(error, `write ${to}`) : error;
  }
}

/** What an earlier call has left; nothing, and no file, if it cannot be part of the blob. */
async function readPartial(partial: string, { size }: Content, signal: AbortSignal): Promise<Digester> {
  const digester = new Digester();
  const found = await lstat(partial).catch(() => undefined);
  if (found?.isFile() && found.size <= size) await addFile(digester, partial, signal);
  else await rm(partial, { force: true });
  return digester;
}

async function writeAll(file: FileHandle, bytes: Uint8Array, position: number): Promise<number> {
  for (let done = 0; done < bytes.byteLength;) {
    done += (await file.write(bytes, done, bytes.byteLength - done, position + done)).bytesWritten;
  }
  return bytes.byteLength;
}
