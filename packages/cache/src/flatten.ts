import { type Emit, type StoreLayout } from "@ob/core";
import {
  convert,
  createOverlay,
  fileToKeep,
  rebase,
  syncPath,
  tryLock,
  waitForLock,
  withLock,
} from "@ob/qcow2";
import { versionBackingPath, type CachePaths, versionFile } from "./cache-paths.ts";
import { makeScratch } from "./scratch.ts";
import { chainOf, publish, removeUnneeded } from "./versions.ts";

export interface FlattenOptions {
  /** Only a chain of at least so many versions is flattened. */
  readonly fromLength: number;
  readonly layout: StoreLayout;
  readonly emit: Emit;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Merges a version and its backing chain into one file, except a large one at the bottom: the work is in proportion to the
 * changes of the steps, not to the size of the cache. The version's contents stay: a process that has the old file open
 * keeps it, one that opens the version afterwards gets the new file. Does nothing if another process is flattening it.
 */
export async function flatten(place: CachePaths, version: number, options: FlattenOptions): Promise<void> {
  const { fromLength, layout, emit, signal } = options;
  const lock = await tryLock(place.flattenLock, "exclusive");
  if (!lock) return;
  await withLock(lock, async () => {
    const keep = await waitForLock(place.versionLock(version), "shared", signal);
    await withLock(keep, async () => {
      const chain = await chainOf(place, version);
      if (chain.length < fromLength) return;
      const kept = await fileToKeep(chain.map((each) => versionFile(place, each)));
      const bottom = kept === undefined ? undefined : chain[kept];
      await using scratch = await makeScratch(layout, place.directoryName);
      if (bottom === undefined) {
        await convert(versionFile(place, version), scratch.disk, { emit, signal });
      } else {
        await createOverlay(scratch.disk, { backing: versionBackingPath(place, version), emit, signal });
        await rebase(scratch.disk, { backing: versionBackingPath(place, bottom), emit, signal });
      }
      await syncPath(scratch.disk);
      const edit = await waitForLock(place.editLock, "exclusive", signal);
      await withLock(edit, () => publish(place, version, scratch.disk));
    });
    const edit = await waitForLock(place.editLock, "exclusive", signal);
    await withLock(edit, () => removeUnneeded(place));
  });
}
