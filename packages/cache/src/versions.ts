import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { errnoCode } from "@ob/core";
import { isFree, readQcowHeader, resolveBacking, syncPath } from "@ob/qcow2";
import { type CachePaths, versionFile } from "./cache-paths.ts";

/** The numbers of the existing versions, oldest first. */
export async function versionsOf(place: CachePaths): Promise<readonly number[]> {
  try {
    const names = await readdir(place.versions);
    return names
      .flatMap((name) => /^(\d+)\.qcow2$/.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => a - b);
  } catch (error) {
    if (errnoCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** The newest version; 0 if there is none. */
export async function newestVersion(place: CachePaths): Promise<number> {
  return (await versionsOf(place)).at(-1) ?? 0;
}

/** Publishes a finished disk as the given version, by one rename. The edit lock must be held. */
export async function publish(place: CachePaths, version: number, disk: string): Promise<void> {
  await rename(disk, versionFile(place, version));
  await Promise.all([syncPath(place.versions), syncPath(dirname(disk))]);
  // The first one is in new directories, whose names have to last, too.
  if (version === 1) for (const path of [place.cache, dirname(place.cache)]) await syncPath(path);
}

/** The backing chain of a version, itself first. */
export async function chainOf(place: CachePaths, version: number): Promise<readonly number[]> {
  const chain: number[] = [];
  for (let current: number | undefined = version; current !== undefined;) {
    chain.push(current);
    const file = versionFile(place, current);
    const header = await readQcowHeader(file);
    if (header?.backing === undefined) return chain;
    const below = Number(basename(resolveBacking(file, header.backing), ".qcow2"));
    current = below < current ? below : undefined;
  }
  return chain;
}

/** Removes versions that are in the backing chain neither of the newest nor of a running step. The edit lock must be held. */
export async function removeUnneeded(place: CachePaths): Promise<void> {
  const versions = await versionsOf(place);
  const newest = versions.at(-1);
  const needed = new Set<number>();
  for (const version of versions) {
    if (version !== newest && isFree(place.versionLock(version))) continue;
    for (const below of await chainOf(place, version)) needed.add(below);
  }
  for (const version of versions) {
    if (!needed.has(version)) await rm(versionFile(place, version), { force: true });
  }
}
