export { connectRedis, type RedisAddress } from "./redis/connect.ts";
export type { LogArchive } from "./logs/archive.ts";
export type { Fetched, LayerTransport } from "./claims/layer-transport.ts";
export type { PublishedLayer } from "./redis/layer-states.ts";
