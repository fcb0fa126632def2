import { readdir, rename, rm, stat } from "node:fs/promises";
import { type CacheRecord, exists, type StoreLayout, ObError, errnoCode, within } from "@ob/core";
import { isFree, syncPath, waitForLock, withLock } from "@ob/qcow2";
import { decodeName } from "./encode-name.ts";
import { fileSystems } from "./file-system/detect.ts";
import { originalDisk, type CachePaths, cachePaths } from "./cache-paths.ts";
import { trashPath } from "./scratch.ts";
import { versionsOf } from "./versions.ts";

/** All caches, by name. */
export async function listCaches(layout: StoreLayout): Promise<readonly CacheRecord[]> {
  const found: CacheRecord[] = [];
  for (const entry of await readdir(layout.caches)) {
    const name = decodeName(entry);
    if (name === undefined) continue;
    const measured = await measure(within(layout.caches, entry));
    // A cache that was acquired and never published has only empty directories.
    if (measured.bytes === 0) continue;
    found.push({ name, ...measured, inUse: await isUsed(await placesOf(layout, name)) });
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
  return await removeUnderLocks(layout, await placesOf(layout, name));
}

/** Where a cache is, for each file system, always in the same order. */
async function placesOf(layout: StoreLayout, name: string): Promise<readonly CachePaths[]> {
  const { cache } = cachePaths(layout, { name, fileSystem: "ext4" });
  const others = (await entriesOf(cache)).filter((entry) => entry !== "rootfs");
  const all = [...new Set([...fileSystems, ...others])].toSorted();
  return all.map((fileSystem) => cachePaths(layout, { name, fileSystem }));
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
  if (await isUsed(locked)) {
    throw new ObError("CACHE", `The cache ${first.name} is in use.`, {
      hint: "A running build uses it. Wait for its end, or cancel it.",
    });
  }
  const trash = trashPath(layout);
  await rename(first.cache, trash);
  await syncPath(layout.caches);
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

async function isUsed(places: readonly CachePaths[]): Promise<boolean> {
  for (const place of places) {
    for (const version of [0, ...(await versionsOf(place))])
      if (!isFree(place.versionLock(version))) return true;
  }
  return false;
}
