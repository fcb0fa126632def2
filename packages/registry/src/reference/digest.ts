import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { quotedName, sha256, sha256File } from "@ob/core";
import { registryError } from "../errors.ts";

declare const brand: unique symbol;

/** `sha256:` and 64 lower-case hex digits. Other algorithms are refused everywhere. */
export type Digest = `sha256:${string}` & { readonly [brand]: "Digest" };

/** True for a digest that this package accepts. */
export function isDigest(text: unknown): text is Digest {
  return typeof text === "string" && /^sha256:[0-9a-f]{64}$/.test(text);
}

/** @throws ObError `REGISTRY` if `text` is not a sha256 digest. */
export function digest(text: string): Digest {
  if (isDigest(text)) return text;
  throw registryError(`${quotedName(text)} is not a digest: sha256: and 64 lower-case hexadecimal digits.`);
}

/** The digest of bytes; a string counts as its UTF-8 bytes. */
export function digestOf(data: string | Uint8Array): Digest {
  return digest(`sha256:${sha256(data)}`);
}

/** What a blob is: its digest, and its size in bytes. */
export interface Content {
  readonly digest: Digest;
  readonly size: number;
}

/** The digest and the size of a file. Rejects with Node's own error if it cannot be read. */
export async function contentOf(file: string, signal?: AbortSignal): Promise<Content> {
  const { size } = await stat(file);
  return { digest: digest(`sha256:${await sha256File(file, signal)}`), size };
}

/** Computes a digest and a size of bytes that pass by. */
export class Digester {
  readonly #hash: Hash = createHash("sha256");
  #size = 0;

  add(bytes: Uint8Array): void {
    this.#hash.update(bytes);
    this.#size += bytes.byteLength;
  }

  /** How many bytes have passed. */
  get size(): number {
    return this.#size;
  }

  /** The digest of all bytes. It can be taken once. */
  finish(): Digest {
    return digest(`sha256:${this.#hash.digest("hex")}`);
  }
}

/** Adds the first bytes of a file, as many as there are, at most `length`. */
export async function addFile(digester: Digester, file: string, signal?: AbortSignal): Promise<void> {
  const stream = createReadStream(file, { highWaterMark: 1 << 20, ...(signal && { signal }) });
  for await (const chunk of stream) if (chunk instanceof Uint8Array) digester.add(chunk);
}
