import { createHash, hash } from "node:crypto";
import { open } from "node:fs/promises";
import { sha256 as shortDigest } from "@noble/hashes/sha2.js";

/** What is longer is left to OpenSSL: to load and to initialise it takes as long as 50 short digests. In bytes, or UTF-16 units. */
const maxShort = 2_048;

/** The sha256 of `data` (a string counts as its UTF-8 bytes), in lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  if (data.length > maxShort) return hash("sha256", data, "hex");
  return Buffer.from(shortDigest(typeof data === "string" ? Buffer.from(data) : data)).toString("hex");
}

/** The sha256 of a file's contents, in lower-case hex. Rejects with Node's own error if it cannot be read. */
export async function sha256File(path: string, signal?: AbortSignal): Promise<string> {
  const digest = createHash("sha256");
  await using file = await open(path);
  // One buffer for all: a new one for each piece would cost as much as the digest.
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (;;) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer);
    if (bytesRead === 0) return digest.digest("hex");
    digest.update(buffer.subarray(0, bytesRead));
  }
}
