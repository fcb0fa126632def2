import { noopEmit, storeLayout } from "@ob/core";
import { MemoryStore, storeConformance } from "@ob/core/testing";
import { describe, expect, it } from "vitest";
import { withImages, WorkerImages } from "../cluster/worker-images.ts";
import { RegistryStore } from "./registry-store.ts";
import { RemoteLayers } from "./remote-layers.ts";
import { LayerSource } from "./source.ts";

/** That of a registry that is not asked for anything. */
const layout = storeLayout("/nonexistent");

describe("a store whose layers can be in a registry", () => {
  const cases = storeConformance(async () => {
    const own = new MemoryStore({ images: ["base"] });
    const source = new LayerSource([], { emit: noopEmit });
    const remote = new RemoteLayers({ store: own, layout, source, emit: noopEmit });
    const store = new RegistryStore({ store: own, remote });
    return { store, image: "base", [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose]() };
  });
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("the store of a worker, whose base images can be in a registry", () => {
  const cases = storeConformance(async () => {
    const own = new MemoryStore({ images: ["base"] });
    const registry = {
      reference: { registry: "reg.example", repository: "ob", tag: undefined, digest: undefined },
      findImage: async () => undefined,
      pullImage: async () => undefined,
    };
    const images = new WorkerImages({ store: own, directory: "/nonexistent", registry, emit: noopEmit });
    const store = withImages(own, images);
    return { store, image: "base", [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose]() };
  });
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});
