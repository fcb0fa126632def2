import type { CacheMount } from "@ob/core";
import { diskSerial } from "./disk-serial.ts";

/** A cache's disk in the VM of a step. */
export interface CacheDisk {
  /** Its position among the VM's disks, from 1; 0 is the root disk. */
  readonly index: number;
  /** QEMU's name for its block node and for its device. */
  readonly node: string;
  /** Its serial number, by which the guest finds it. */
  readonly serial: string;
  /** Absolute path on the host. */
  readonly file: string;
  /** Absolute path in the guest where it is mounted. */
  readonly target: string;
}

/** The disks of a step's caches, in the order of its caches. */
export function cacheDisks(caches: readonly Pick<CacheMount, "disk" | "target">[]): readonly CacheDisk[] {
  return caches.map(({ disk, target }, position) => {
    const index = position + 1;
    return { index, node: diskNode(index), serial: diskSerial(index), file: disk, target };
  });
}

/** QEMU's name for the root disk's block node and device. */
export const rootNode = diskNode(0);

function diskNode(index: number): string {
  return `disk${index}`;
}
