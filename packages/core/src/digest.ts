import { createHash, hash } from "node:crypto";
import { open } from "node:fs/promises";
import { sha256 as digestOf } from "@noble/hashes/sha2.js";

/** The sha256 of `data` (a string counts as its UTF-8 bytes), in lower-case hex. */
export function sha256(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

/** What is longer is left to OpenSSL, in UTF-16 units. */
const longText = 2_048;

/**
 * The same, for what has few and short texts to digest, as a build has its ids: to load and to initialise OpenSSL takes as long as a
 * hundred of them.
 */
export function sha256OfText(text: string): string {
  if (text.length > longText) return sha256(text);
  return Buffer.from(digestOf(Buffer.from(text))).toString("hex");
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
