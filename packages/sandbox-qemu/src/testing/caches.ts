import { type CacheDisk, cacheDisks } from "../guest/cache-disk.ts";

/** Cache disks with the files `/cache1`, `/cache2` and so on. */
export function testCaches(count: number): readonly CacheDisk[] {
  return cacheDisks(
    Array.from({ length: count }, (_, n) => ({ disk: `/cache${n + 1}`, target: `/mnt/${n + 1}` })),
  );
}
