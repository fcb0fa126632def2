import { posix } from "node:path";
import { Readable } from "node:stream";
import { errorMessage } from "@ob/core";
import { type Pack, pack as createPack } from "tar-stream";
import { withPaxHeader, type TarHeader } from "./tar-header.ts";

/**
 * A tar archive that `send` writes. `send` is called with the first read, and awaited when the reader ends; the reader
 * gets its error.
 */
export function packArchive(send: (pack: Pack) => Promise<void>): Readable {
  return Readable.from(archive(send), { objectMode: false });
}

/** Opens nothing before the first read, and leaves nothing open when the reader ends. */
async function* archive(send: (pack: Pack) => Promise<void>): AsyncGenerator {
  const pack = createPack();
  const sent = sendAll(pack, send);
  try {
    // It destroys the pack if the reader ends.
    yield* pack;
  } finally {
    await sent;
  }
}

async function sendAll(pack: Pack, send: (pack: Pack) => Promise<void>): Promise<void> {
  try {
    await send(pack);
    pack.finalize();
  } catch (error) {
    // The reader of the archive gets it.
    pack.destroy(error instanceof Error ? error : new Error(errorMessage(error)));
  }
}

/** Writes an entry without a body, or with one that is in memory. */
export async function writeEntry(pack: Pack, header: TarHeader, contents?: Buffer): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const done = (error?: Error | null) => (error ? reject(error) : resolve());
  const tarHeader = withPaxHeader(pack, header);
  const entry = contents ? pack.entry(tarHeader, contents, done) : pack.entry(tarHeader, done);
  entry.on("error", reject);
  await promise;
}

/** The parent directories of a path, outermost first: what `mkdir -p` would create for it. */
export function parentsOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** One source of a `copy`. */
export interface Item {
  readonly isDirectory: boolean;
  /** Empty for the root of a tree: then its contents are copied. */
  readonly baseName: string;
}

/**
 * The path of an item in the archive: in the destination if that ends in `/` or can only be a directory, else the
 * destination itself.
 *
 * @returns a path from the guest's root, without a slash at either end; empty for the root itself.
 */
export function entryPath(item: Item, destination: string): string {
  const directory = destinationOf(destination);
  return trimmed(isInto(item, destination) ? posix.join(directory, item.baseName) : directory);
}

/** The directory that a copy stays below, in the form of `entryPath`: the destination, or the directory in its place. */
export function entryBounds(destination: string): string {
  return trimmed(destinationOf(destination));
}

function isInto({ isDirectory }: Item, destination: string): boolean {
  return destination.endsWith("/") || (/\/\.{1,2}$/.test(destination) && !isDirectory);
}

function destinationOf(destination: string): string {
  return posix.normalize(`${destination}/`);
}

/** @param path in normal form. */
function trimmed(path: string): string {
  return path.replaceAll(/^\/|\/$/g, "");
}
