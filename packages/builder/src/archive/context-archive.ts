import type { Readable } from "node:stream";
import type { Store } from "@ob/core";
import type { BuildRequest } from "../request.ts";
import { digestCacheFor } from "../source/digest-cache.ts";
import { generateManifest, type Manifest } from "../source/manifest.ts";
import { SourceTree } from "../source/source-tree.ts";
import { copiesOfContext, ignoreRulesFor, ownDirectoriesFor } from "../validate-request.ts";
import { sendEntry } from "./source-archive.ts";
import { packArchive, parentsOf } from "./tar-writer.ts";

export interface ContextArchiveOptions {
  /** The store whose directories are left out. */
  readonly store: Store;
  /** See `BuilderOptions.digestDirectory`. */
  readonly digestDirectory?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A tar archive of what the copies of a build take from its source directory, and of nothing else: what they exclude or ignore
 * is left out. Unpacked elsewhere, and built there without an ignore file, it gives the same steps. Modes are 755 and 644; times
 * are those of the source.
 *
 * The files are read twice: for their digests, and when the stream is read. It fails with `BAD_SOURCE` if one has changed.
 *
 * @throws ObError `BAD_SOURCE`, `CANCELLED`.
 */
export async function contextArchive(
  request: BuildRequest,
  { store, digestDirectory, signal }: ContextArchiveOptions,
): Promise<Readable> {
  const { sourceDirectory } = request;
  const own = await ownDirectoriesFor(request, store);
  const ignore = await ignoreRulesFor(request);
  await using digests = digestCacheFor(sourceDirectory, digestDirectory);
  const entries = new Map<string, Manifest>();
  for (const { source, exclude } of copiesOfContext(request)) {
    addAll(
      entries,
      await generateManifest(source, { sourceDirectory, exclude, own, ignore, digests, signal }),
    );
  }
  return packArchive(async (pack) => {
    using tree = new SourceTree(sourceDirectory);
    // A directory comes before what is in it.
    const sorted = [...entries].toSorted(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, source] of sorted) {
      signal?.throwIfAborted();
      await sendEntry(pack, { source, name }, { tree, owner: undefined });
    }
  });
}

/** Adds a source, what is below it, and the directories above it. */
function addAll(entries: Map<string, Manifest>, source: Manifest): void {
  for (const path of parentsOf(source.path)) entries.set(path, { kind: "directory", path, entries: [] });
  const work = [source];
  for (let next = work.pop(); next; next = work.pop()) {
    if (next.path !== "") entries.set(next.path, next);
    if (next.kind === "directory") work.push(...next.entries);
  }
}
