import { describe, expect, it } from "vitest";
import { cacheConformance } from "./conformance/cache.ts";
import { MemoryCache } from "./doubles/memory-cache.ts";
import { MemoryStore } from "./doubles/memory-store.ts";
import { storeConformance } from "./conformance/store.ts";

describe("MemoryStore", () => {
  const cases = storeConformance(async () => ({
    store: new MemoryStore({ images: ["debian-12"] }),
    image: "debian-12",
    [Symbol.asyncDispose]: async () => undefined,
  }));

  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("MemoryCache", () => {
  const cases = cacheConformance(async () => ({
    caches: new MemoryCache(),
    [Symbol.asyncDispose]: async () => undefined,
  }));

  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
