import { describe, expect, it } from "vitest";
import { cacheConformance } from "./cache-conformance.ts";
import { MemoryCache } from "./memory-cache.ts";
import { MemoryStore } from "./memory-store.ts";
import { storeConformance } from "./store-conformance.ts";

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
