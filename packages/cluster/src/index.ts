export { attachBuild, type AttachOptions } from "./client/attach-build.ts";
export {
  type BuildSummary,
  cancelBuild,
  type ClusterStatus,
  clusterStatus,
  drainWorker,
  findBuild,
  type PoolStatus,
} from "./client/manage.ts";
export { submitBuild, type SubmitOptions } from "./client/submit-build.ts";
export type { Fetched, LayerTransport } from "./claims/layer-transport.ts";
export type { LogArchive } from "./logs/archive.ts";
export { stageSpec } from "./plan/stage-spec.ts";
export { type Stage, stagesOf } from "./plan/stages.ts";
export { connectRedis, type RedisAddress } from "./redis/connect.ts";
export type { PublishedLayer } from "./redis/layer-states.ts";
export { newPoolKey, type PoolKey, publicKeyOf } from "./secrets/sealed-secrets.ts";
export {
  type BuildWatch,
  type ChainOutcome,
  type ChainWatch,
  type WatchedBuild,
  type WatchedBuildEnd,
  type WatchedChain,
  watchWith,
  type WorkerWatch,
} from "./watch/worker-watch.ts";
export type { ContextSource, ContextTransport, FetchedContext } from "./worker/context-transport.ts";
export type { WorkerStatus } from "./worker/heartbeat.ts";
export { startWorker, type WorkerOptions } from "./worker/start-worker.ts";
export type { ClusterWorker } from "./worker/worker-process.ts";
