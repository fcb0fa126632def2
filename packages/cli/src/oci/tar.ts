import { pipeline } from "node:stream/promises";
import { Readable } from "node:stream";
import { type Header, pack as createPack, type Pack } from "tar-stream";

export interface TarEntry {
  readonly header: Partial<Header> & Pick<Header, "name">;
  /** The contents of a file, of `header.size` bytes. */
  readonly read?: () => AsyncIterable<Uint8Array>;
}

/** An archive of these entries. The same entries give the same bytes: all have the time 0. */
export async function* tarOf(entries: readonly TarEntry[]): AsyncGenerator<Uint8Array> {
  const pack = createPack();
  const sent = send(pack, entries);
  // Whoever reads the archive gets the error.
  sent.catch((error: unknown) => pack.destroy(error instanceof Error ? error : new Error(String(error))));
  try {
    for await (const chunk of pack) if (chunk instanceof Uint8Array) yield chunk;
    await sent;
  } finally {
    pack.destroy();
  }
}

async function send(pack: Pack, entries: readonly TarEntry[]): Promise<void> {
  for (const { header, read } of entries) {
    const timed = { ...header, mtime: new Date(0) };
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const entry = pack.entry(timed, (error) => (error ? reject(error) : resolve()));
    // A directory has no contents, and its entry ends by itself.
    if (read) await pipeline(Readable.from(read(), { objectMode: false }), entry);
    await promise;
  }
  pack.finalize();
}
