import { readdir, rename, rm, stat } from "node:fs/promises";
import { exists, type StoreLayout, ObError, errnoCode, within } from "@ob/core";
import { isFree, waitForLock, withLock } from "@ob/qcow2";
import { decodeName } from "./encode-name.ts";
import { fileSystems } from "./file-system/detect.ts";
import { originalDisk, type CachePaths, cachePaths } from "./cache-paths.ts";
import { trashPath } from "./scratch.ts";
import { versionsOf } from "./versions.ts";

export interface CacheInfo {
  readonly name: string;
  /** Its size on the host's disk, in bytes, with all file systems. */
  readonly bytes: number;
  readonly lastUsed: Date;
}

/** All caches, by name. */
export async function listCaches(layout: StoreLayout): Promise<readonly CacheInfo[]> {
  const found: CacheInfo[] = [];
  for (const entry of await readdir(layout.caches)) {
    const name = decodeName(entry);
    if (name === undefined) continue;
    const measured = await measure(within(layout.caches, entry));
    // A cache that was acquired and never published has only empty directories.
    if (measured.bytes > 0) found.push({ name, ...measured });
  }
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function measure(directory: string): Promise<{ bytes: number; lastUsed: Date }> {
  const blockSize = 512;
  let bytes = 0;
  let lastUsed = 0;
  for (const entry of await readdir(directory, { recursive: true })) {
    const found = await stat(`${directory}/${entry}`).catch(() => undefined);
    if (!found) continue;
    lastUsed = Math.max(lastUsed, found.mtimeMs);
    if (found.isFile()) bytes += found.blocks * blockSize;
  }
  return { bytes, lastUsed: new Date(lastUsed) };
}

/** Removes a cache, with all its file systems. @returns false if there was none. */
export async function removeCache(layout: StoreLayout, name: string): Promise<boolean> {
  const { cache } = cachePaths(layout, { name, fileSystem: "ext4" });
  const others = (await entriesOf(cache)).filter((entry) => entry !== "rootfs");
  const all = [...new Set([...fileSystems, ...others])].toSorted();
  return await removeUnderLocks(
    layout,
    all.map((fileSystem) => cachePaths(layout, { name, fileSystem })),
  );
}

/** The directories in it; none if it does not exist. */
async function entriesOf(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  } catch (error) {
    if (errnoCode(error) === "ENOENT" || errnoCode(error) === "ENOTDIR") return [];
    throw error;
  }
}

/** Takes the edit locks one after the other, always in the same order, then removes. */
async function removeUnderLocks(
  layout: StoreLayout,
  places: readonly CachePaths[],
  locked: readonly CachePaths[] = [],
): Promise<boolean> {
  const [next, ...rest] = places;
  if (next) {
    const edit = await waitForLock(next.editLock, "exclusive");
    return await withLock(edit, () => removeUnderLocks(layout, rest, [...locked, next]));
  }
  const [first] = locked;
  if (!first || !(await hasContents(locked))) return false;
  for (const place of locked) await refuseUsed(place);
  const trash = trashPath(layout);
  await rename(first.cache, trash);
  await rm(trash, { recursive: true, force: true, maxRetries: 3 });
  return true;
}

/** A cache that was acquired and never published has only empty directories. */
async function hasContents(places: readonly CachePaths[]): Promise<boolean> {
  for (const place of places) {
    if ((await versionsOf(place)).length > 0) return true;
  }
  const [place] = places;
  return place !== undefined && (await exists(originalDisk(place)));
}

async function refuseUsed(place: CachePaths): Promise<void> {
  for (const version of [0, ...(await versionsOf(place))]) {
    if (isFree(place.versionLock(version))) continue;
    throw new ObError("CACHE", `The cache ${place.name} is in use.`, {
      hint: "A running build uses it. Wait for its end, or cancel it.",
    });
  }
}
