import { noopEmit, sha256, storeLayout } from "@ob/core";
import { MemoryStore, storeConformance } from "@ob/core/testing";
import { digest } from "@ob/registry";
import { describe, expect, it } from "vitest";
import { PlanningStore } from "../cluster/planning-store.ts";
import { WorkerImages, WorkerStore } from "../cluster/worker-images.ts";
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
    const store = new WorkerStore(own, images);
    return { store, image: "base", [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose]() };
  });
  it.each(cases)("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
});

describe("the store that a submission is planned in", () => {
  const cases = storeConformance(async () => {
    const reference = { registry: "reg.example", repository: "ob", tag: undefined, digest: undefined };
    const blob = {
      mediaType: "application/octet-stream",
      digest: digest(`sha256:${sha256("base")}`),
      size: 1,
    };
    const image = { manifestDigest: blob.digest, disk: blob, files: [], imageManifest: undefined };
    const store = new PlanningStore({
      reference,
      findImage: async (name) => (name === "base" ? image : undefined),
      pullBlob: async () => false,
    });
    return { store, image: "base", [Symbol.asyncDispose]: async () => await store[Symbol.asyncDispose]() };
  });
  /** All others make layers, which it has none of, or ask for images that the registry does not have. */
  const asAll = new Set([
    "a base image has the id of its name",
    "a layer that was never begun has no log",
    "deleting what is not there is NO_SUCH_LAYER",
    "a scratch disk on a missing layer is NO_SUCH_LAYER",
    "what is not in the store cannot be tagged",
  ]);
  const [same, other] = [true, false].map((is) => cases.filter(({ name }) => asAll.has(name) === is));
  it.each(same ?? [])("$name", async ({ run }) => {
    await expect(run()).resolves.toBeUndefined();
  });
  it.each(other ?? [])("is for plans only: $name", async ({ run }) => {
    await expect(run()).rejects.toThrow(Error);
  });
});
