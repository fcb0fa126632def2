import type { CacheMount } from "@ob/core";
import type { DataDisk } from "@ob/qemu";
import { diskSerial } from "./disk-serial.ts";

/** A cache's disk in the VM of a step. */
export interface CacheDisk extends DataDisk {
  /** Absolute path in the guest where it is mounted. */
  readonly target: string;
}

/** The disks of a step's caches, in the order of its caches. */
export function cacheDisks(caches: readonly Pick<CacheMount, "disk" | "target">[]): readonly CacheDisk[] {
  return caches.map(({ disk, target }, position) => {
    const index = position + 1;
    return { node: `disk${index}`, serial: diskSerial(index), file: disk, target };
  });
}
