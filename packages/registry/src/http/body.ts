import type { Readable } from "node:stream";
import { registryError } from "../errors.ts";

/**
 * Reads a body into memory.
 *
 * @param what the body, for the message: `The manifest`.
 * @param limit how many bytes it may have.
 * @throws ObError `REGISTRY` if it has more, with `data.problem` `malformed`; Node's own error if the connection ends.
 */
export async function readBody(
  body: Readable,
  { what, limit }: { readonly what: string; readonly limit: number },
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) continue;
    size += chunk.length;
    // Leaving the loop destroys the body.
    if (size > limit) {
      throw registryError(`${what} has more than ${limit} bytes.`, { data: { problem: "malformed" } });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** How much of a body that nobody wants is read, so that its connection can be used again. */
const drainLimit = 64 << 10;

/** Reads a short body to its end, and ends the connection of a long one. */
export async function discard(body: Readable): Promise<void> {
  await readBody(body, { what: "A body", limit: drainLimit }).catch(() => body.destroy());
}
