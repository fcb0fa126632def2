import { createReadStream, createWriteStream } from "node:fs";
import { type Readable, Transform, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { errnoCode } from "@ob/core";
import { type Content, Digester } from "../reference/digest.ts";
import { zstdCompressor } from "./zstd.ts";

/** What came out of a compressor, and what went in. */
export interface Compressed {
  readonly content: Content;
  readonly uncompressed: Content;
}

const blockBytes = 256 << 10;

/**
 * Compresses a file or a stream into a new file, which must not exist. The same bytes give the same file, in whatever pieces
 * they come. Digests are computed on the way.
 */
export async function compressTo(
  source: string | Readable,
  to: string,
  signal?: AbortSignal,
): Promise<Compressed> {
  const [before, after] = [new Digester(), new Digester()];
  const from = typeof source === "string" ? createReadStream(source, { highWaterMark: blockBytes }) : source;
  const compressor = zstdCompressor();
  const sink = createWriteStream(to, { flags: "wx", mode: 0o600 });
  const end = (error: unknown): never => {
    compressor.destroy();
    from.destroy();
    throw error;
  };
  const ends = await Promise.allSettled([
    feed(compressor, from, before).catch(end),
    pipeline(compressor, counted(after), sink, signal ? { signal } : {}).catch(end),
  ]);
  const failures = ends.filter((each) => each.status === "rejected");
  const [failure] = failures.toSorted(
    (a, b) => Number(isConsequence(a.reason)) - Number(isConsequence(b.reason)),
  );
  if (failure) throw failure.reason;
  const uncompressed = { size: before.size, digest: before.finish() };
  return { content: { size: after.size, digest: after.finish() }, uncompressed };
}

/** True for the error of a stream whose other end failed. */
function isConsequence(error: unknown): boolean {
  return ["ERR_STREAM_DESTROYED", "ERR_STREAM_PREMATURE_CLOSE"].includes(errnoCode(error) ?? "");
}

/**
 * What zstd makes of a stream depends on the pieces that it is given, and on whether it knows with the last of them that it is
 * the last. So they are all of one size, each is waited for, and the end comes alone.
 */
async function feed(compressor: Writable, source: Readable, digester: Digester): Promise<void> {
  for await (const block of inBlocks(source)) {
    digester.add(block);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    compressor.write(block, (error) => (error ? reject(error) : resolve()));
    await promise;
  }
  compressor.end();
}

/** All bytes, in blocks of one size but for the last. */
async function* inBlocks(source: Readable): AsyncGenerator<Uint8Array> {
  let block = Buffer.alloc(blockBytes);
  let used = 0;
  for await (const chunk of source) {
    const bytes = typeof chunk === "string" ? Buffer.from(chunk) : chunk;
    if (!(bytes instanceof Uint8Array)) throw new TypeError("A stream to compress must consist of bytes.");
    for (let at = 0; at < bytes.byteLength;) {
      const part = bytes.subarray(at, at + blockBytes - used);
      block.set(part, used);
      used += part.byteLength;
      at += part.byteLength;
      if (used < blockBytes) continue;
      yield block;
      block = Buffer.alloc(blockBytes);
      used = 0;
    }
  }
  if (used > 0) yield block.subarray(0, used);
}

/** Lets everything pass, and counts it. */
function counted(digester: Digester): Transform {
  return new Transform({
    transform: (chunk: Uint8Array, _encoding, done) => {
      digester.add(chunk);
      done(null, chunk);
    },
  });
}
