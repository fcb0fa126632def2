import { createHash, hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";

/** The sha256 of `data` (a string counts as its UTF-8 bytes), in lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

/** The sha256 of a file's contents, in lower-case hex. Rejects with Node's own error if it cannot be read. */
export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const digest = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), digest, signal ? { signal } : {});
  return digest.digest("hex");
}
