import { createReadStream, createWriteStream } from "node:fs";
import { type Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Content, Digester } from "../reference/digest.ts";
import { zstdCompressor } from "./zstd.ts";

/** What came out of a compressor, and what went in. */
export interface Compressed {
  readonly content: Content;
  readonly uncompressed: Content;
}

/** Compresses a file or a stream into a new file, which must not exist. Digests are computed on the way. */
export async function compressTo(
  source: string | Readable,
  to: string,
  signal?: AbortSignal,
): Promise<Compressed> {
  const [before, after] = [new Digester(), new Digester()];
  const from = typeof source === "string" ? createReadStream(source, { highWaterMark: 256 << 10 }) : source;
  const sink = createWriteStream(to, { flags: "wx", mode: 0o600 });
  await pipeline(from, counted(before), zstdCompressor(), counted(after), sink, signal ? { signal } : {});
  const uncompressed = { size: before.size, digest: before.finish() };
  return { content: { size: after.size, digest: after.finish() }, uncompressed };
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
