import { archiveEnd, entryBlocks } from "@ob/core/testing";
import { type ArchiveEntry, readTar } from "./read-tar.ts";

/** What `entryBlocks` writes. */
export type RawEntry = Parameters<typeof entryBlocks>[0];

/** An entry with its body. */
export type ReadEntry = Omit<ArchiveEntry, "body"> & { readonly contents: string };

/** The blocks of some entries, and the archive's end. */
export function archiveOf(...entries: readonly RawEntry[]): Buffer {
  return Buffer.concat([...entries.map(entryBlocks), archiveEnd]);
}

/** Bytes in pieces of a length, as a connection may bring them. */
export async function* inPieces(bytes: Uint8Array, length = 700): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

export async function entriesOf(
  archive: Uint8Array,
  { pieces = 700 }: { readonly pieces?: number } = {},
): Promise<readonly ReadEntry[]> {
  const found: ReadEntry[] = [];
  for await (const { body, ...entry } of readTar(inPieces(archive, pieces))) {
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    found.push({ ...entry, contents: Buffer.concat(parts).toString("latin1") });
  }
  return found;
}

/** The only entry of an archive. */
export async function onlyEntry(...entries: readonly RawEntry[]): Promise<ReadEntry> {
  const [entry, ...others] = await entriesOf(archiveOf(...entries));
  if (!entry || others.length > 0) throw new Error(`there are ${others.length + 1} entries`);
  return entry;
}
