import { posix } from "node:path";
import { Readable } from "node:stream";
import { messageOf } from "@ob/core";
import { type Pack, pack as createPack } from "tar-stream";
import { withPaxHeader, type TarHeader } from "./tar-header.ts";

/**
 * A tar archive that `send` fills. It is called with the first read, and awaited when the reader goes; what it throws
 * the reader gets.
 */
export function packArchive(send: (pack: Pack) => Promise<void>): Readable {
  return Readable.from(archive(send), { objectMode: false });
}

/** Nothing is opened before the first read, and nothing is left open when the reader goes. */
async function* archive(send: (pack: Pack) => Promise<void>): AsyncGenerator {
  const pack = createPack();
  const sent = sendAll(pack, send);
  try {
    yield* pack;
  } finally {
    pack.destroy();
    await sent;
  }
}

async function sendAll(pack: Pack, send: (pack: Pack) => Promise<void>): Promise<void> {
  try {
    await send(pack);
    pack.finalize();
  } catch (error) {
    // The reader of the archive gets it.
    pack.destroy(error instanceof Error ? error : new Error(messageOf(error)));
  }
}

/** Sends an entry that has no body, or whose body is at hand. */
export async function writeEntry(pack: Pack, header: TarHeader, contents?: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = (error?: Error | null) => (error ? reject(error) : resolve());
  const tarHeader = withPaxHeader(pack, header);
  const entry = contents ? pack.entry(tarHeader, contents, done) : pack.entry(tarHeader, done);
  entry.on("error", reject);
  await promise;
}

/** The directories that a place is in, outermost first: what `mkdir -p` would make for it. */
export function parentsOf(place: string): readonly string[] {
  const parts = place.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** One source of a `copy`. */
export interface Item {
  readonly isDirectory: boolean;
  /** Empty for a whole tree's root: then its contents are what is copied. */
  readonly baseName: string;
}

/**
 * Where an item comes to lie: in the destination where that ends in `/` or can only be a directory, else in its place.
 *
 * @returns a path from the guest's root, without a slash at either end; empty for the root itself.
 */
export function entryPath({ isDirectory, baseName }: Item, destination: string): string {
  const directory = posix.normalize(`${destination}/`);
  const into = destination.endsWith("/") || (/\/\.{1,2}$/.test(destination) && !isDirectory);
  const path = into ? posix.join(directory, baseName) : directory;
  return path.replaceAll(/^\/+|\/+$/g, "");
}
