import { stat } from "node:fs/promises";
import { type Emit, type StoreLayout } from "@ob/core";
import { convert, createOverlay, holding, rebase, syncPath, tryLock, waitForLock } from "@ob/store-qcow";
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
 * Makes one of a version and those that it stands on, but for a large one at the bottom: the work is in proportion to
 * what the steps have changed, not to what the cache holds. The version's contents stay, so whoever stands on it notices
 * nothing: who has the old file open keeps it, who opens it anew gets the flat one. Does nothing if someone else is at it.
 */
export async function flatten(place: CachePaths, version: number, options: FlattenOptions): Promise<void> {
  const { fromLength, layout, emit, signal } = options;
  const lock = await tryLock(place.flattenLock, "exclusive");
  if (!lock) return;
  await holding(lock, async () => {
    const keep = await waitForLock(place.versionLock(version), "shared", signal);
    await holding(keep, async () => {
      const chain = await chainOf(place, version);
      if (chain.length < fromLength) return;
      const bottom = await versionToKeep(place, chain);
      await using scratch = await makeScratch(layout, place.directoryName);
      if (bottom === undefined) {
        await convert(versionFile(place, version), scratch.disk, { emit, signal });
      } else {
        await createOverlay(scratch.disk, { backing: versionBackingPath(place, version), emit, signal });
        await rebase(scratch.disk, { backing: versionBackingPath(place, bottom), emit, signal });
      }
      await syncPath(scratch.disk);
      const edit = await waitForLock(place.editLock, "exclusive", signal);
      await holding(edit, () => publish(place, version, scratch.disk));
    });
    const edit = await waitForLock(place.editLock, "exclusive", signal);
    await holding(edit, () => removeUnneeded(place));
  });
}

/**
 * The version of the older half that is larger than all above it, twice over: what is above becomes one.
 *
 * @param chain newest first.
 * @returns undefined if there is none, and all become one.
 */
async function versionToKeep(place: CachePaths, chain: readonly number[]): Promise<number | undefined> {
  let above = 0;
  for (const [index, version] of chain.entries()) {
    const { blocks } = await stat(versionFile(place, version));
    if (index >= chain.length / 2 && blocks > 2 * above) return version;
    above += blocks;
  }
  return undefined;
}
