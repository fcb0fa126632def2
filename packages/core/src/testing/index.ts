export { hostileArchives, replacingArchives } from "./tar/hostile-archives.ts";
export { directory, file, pax, root } from "./tar/hostile-entries.ts";
export { archiveEnd, entryBlocks } from "./tar/tar-blocks.ts";
export type { HostileArchive } from "./tar/hostile-entries.ts";
export { MemoryCache, type MemoryCacheOptions } from "./doubles/memory-cache.ts";
export { MemoryStore } from "./doubles/memory-store.ts";
export type {
  MemoryImage,
  MemoryStoreOperation,
  MemoryStoreOptions,
} from "./doubles/memory-store-options.ts";
export { fakeOwner, FakeSandbox, type FakeSandboxOptions, type FakeStep } from "./doubles/fake-sandbox.ts";
export { hostSandbox } from "./doubles/host-sandbox.ts";
export type { FakeGuest, FakeReadRequest } from "./doubles/fake-guest.ts";
export { type FloodMeasure, measureFlood } from "./event-loop.ts";
export { threadClock, type ThreadClock } from "./thread-clock.ts";
export { startTestProcess, type TestProcess } from "./test-process.ts";
export { cacheConformance, type CacheFixture } from "./conformance/cache.ts";
export type { ConformanceCase } from "./conformance/case.ts";
export type { StoreFixture } from "./conformance/fixture.ts";
export { storeConformance } from "./conformance/store.ts";
export { sandboxConformance, type SandboxFixture } from "./conformance/sandbox.ts";
export { testTime } from "./test-time.ts";
