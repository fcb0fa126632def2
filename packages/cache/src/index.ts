export { type CacheOptions, DiskCaches, openCaches } from "./cache-store.ts";
export type { CacheInfo } from "./list-and-remove.ts";
