import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import type { ArchiveFeature } from "@ob/core";
import type { Pack } from "tar-stream";
import type { NewOwner } from "./new-owner.ts";
import type { ArchiveEntry } from "./reader/read-tar.ts";
import { filledFile, sparseFile } from "./sparse-file.ts";
import { type TarHeader, withPaxHeader } from "./tar-header.ts";
import { writeEntry } from "./tar-writer.ts";

/** True if the new archive is for a tar that knows neither attributes nor holes. */
export function isPlain(owner: NewOwner): boolean {
  return owner.kind === "new" && owner.plain === true;
}

export function tellFeature(owner: NewOwner, feature: ArchiveFeature): void {
  if (owner.kind === "new") owner.onFeature?.(feature);
}

interface FileOptions {
  readonly owner: NewOwner;
  /** Its path in the new archive. */
  readonly name: string;
  readonly header: TarHeader;
}

/** Files up to this size, in bytes, are sent in one piece. */
const wholeBytes = 1 << 20;

/** Sends a file with its holes, or filled with zeros if the new archive is to be plain. */
export async function sendFile(
  pack: Pack,
  entry: ArchiveEntry,
  { owner, name, header }: FileOptions,
): Promise<void> {
  const { sparse, size } = entry;
  if (sparse && isPlain(owner)) {
    return await sendStream(pack, filledFile(sparse, entry.body), { ...header, size: sparse.realSize });
  }
  if (sparse) {
    tellFeature(owner, "sparse");
    const { records, mapBlock } = await sparseFile(sparse, name);
    const extended = new Map([...header.extended, ...records]);
    const whole = { ...header, size: mapBlock.length + size, extended };
    return await sendStream(pack, joined(mapBlock, entry.body), whole);
  }
  if (size > wholeBytes) return await sendStream(pack, entry.body, { ...header, size });
  await writeEntry(pack, { ...header, size }, await buffer(entry.body));
}

async function* joined(first: Buffer, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first;
  yield* rest;
}

async function sendStream(pack: Pack, body: AsyncIterable<Uint8Array>, header: TarHeader): Promise<void> {
  await pipeline(body, pack.entry(withPaxHeader(pack, header)));
}
