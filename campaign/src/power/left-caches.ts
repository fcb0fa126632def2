import { readdir } from "node:fs/promises";
import path from "node:path";
import { layerId, storeLayout } from "@ob/core";
import { type LookAtDisk, lookAtDiskOf } from "../store/check-store.ts";

/** The first version of a cache, which a step finds empty, and the pattern that the step leaves in the next one. */
const [emptyVersion, pattern] = [1, 4];

/**
 * Looks at the caches that a crash has left: each version is whole, with what its step wrote, and after the build the new one is there.
 *
 * @returns what is wrong, in words.
 */
export async function lookAtCaches(
  directory: string,
  {
    said,
    lookAtDisk = lookAtDiskOf,
  }: { readonly said: readonly string[]; readonly lookAtDisk?: LookAtDisk | undefined },
): Promise<readonly string[]> {
  const { caches } = storeLayout(directory);
  const faults: string[] = [];
  let newest = 0;
  for (const name of await readdir(caches, { recursive: true }).catch(() => [])) {
    const version = Number(/^(\d+)\.qcow2$/.exec(path.basename(name))?.[1]);
    if (Number.isNaN(version)) continue;
    newest = Math.max(newest, version);
    const layer = { id: layerId("0".repeat(64)), directory: caches, disk: path.join(caches, name) };
    const found = await lookAtDisk(layer, version > emptyVersion ? [pattern] : []);
    faults.push(...found.map((fault) => `the cache ${name}: ${fault}`));
  }
  if (said.includes("built") && newest <= emptyVersion)
    faults.push("what the build left in its cache is lost");
  return faults;
}
