export { type CacheOptions, DiskCaches, openCaches } from "./cache-store.ts";
export type { CacheRecord as CacheInfo } from "@ob/core";
