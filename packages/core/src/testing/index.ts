export { MemoryCache, type MemoryCacheOptions } from "./memory-cache.ts";
export { MemoryStore } from "./memory-store.ts";
export type { MemoryImage, MemoryStoreOperation, MemoryStoreOptions } from "./memory-store-options.ts";
export {
  type ScriptedSandboxOptions,
  ScriptedSandbox,
  scriptedOwner,
  type ScriptedStep,
} from "./scripted-sandbox.ts";
export type { ScriptedGuest, ScriptedReading } from "./scripted-visit.ts";
export { cacheConformance, type CacheFixture } from "./cache-conformance.ts";
export type { ConformanceCase } from "./conformance-case.ts";
export { storeConformance, type StoreFixture } from "./store-conformance.ts";
export { sandboxConformance, type SandboxFixture } from "./sandbox-conformance.ts";
