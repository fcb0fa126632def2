import type { CacheRequest } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { obuilder, fakeServices } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const cacheRequest = (name: string): CacheRequest => ({ name, fileSystem: "ext4", sharing: "shared" });

/** Services whose caches have these names. */
async function servicesWith(...names: readonly string[]) {
  const services = fakeServices();
  for (const name of names) {
    const lease = await services.caches.acquire(cacheRequest(name));
    await lease.release();
    await lease[Symbol.asyncDispose]();
  }
  return services;
}

describe("cache ls", () => {
  it("shows each cache with its size and last use, and the sum", async () => {
    const services = await servicesWith("opam-archives", "npm");
    const { code, stdout } = await obuilder(["cache", "ls", store], { services });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^NAME +SIZE +LAST USED\nopam-archives +0 B +\ds ago\nnpm +0 B +\ds ago\n2 caches, 0 B\n$/,
    );
  });

  it("shows an empty list", async () => {
    const result = await obuilder(["cache", "ls", store], { services: await servicesWith() });
    expect(result).toMatchObject({ code: 0, stdout: "0 caches, 0 B\n" });
  });

  it("prints one object per line with --json", async () => {
    const services = await servicesWith("a b", "c");
    const { stdout } = await obuilder(["cache", "ls", store, "--json"], { services });
    const lines = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ name }) => name)).toEqual(["a b", "c"]);
    expect(Object.keys(lines[0] ?? {})).toEqual(["name", "bytes", "lastUsed"]);
    expect(new Date(String(lines[0]?.["lastUsed"])).getFullYear()).toBeGreaterThan(2000);
  });
});

describe("cache rm", () => {
  it("removes a cache", async () => {
    const services = await servicesWith("a", "b");
    const result = await obuilder(["cache", "rm", "a", store], { services });
    expect(result).toEqual({ code: 0, stdout: "Removed 1 cache\n", stderr: "" });
    expect((await services.caches.list()).map(({ name }) => name)).toEqual(["b"]);
  });

  it("refuses a cache in use", async () => {
    const services = await servicesWith("a");
    await using lease = await services.caches.acquire(cacheRequest("a"));
    const result = await obuilder(["cache", "rm", lease.name, store], { services });
    expect(result).toMatchObject({ code: 4, stdout: "" });
    expect(result.stderr).toContain("in use");
    expect(await services.caches.list()).toHaveLength(1);
  });

  it("suggests a near name", async () => {
    const services = await servicesWith("opam-archives");
    const result = await obuilder(["cache", "rm", "opam-archive", store], { services });
    expect(result).toMatchObject({ code: 4, stdout: "" });
    expect(result.stderr).toContain('The store has no cache "opam-archive"');
    expect(result.stderr).toContain("opam-archives");
  });
});

describe("cache prune", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());

  it("removes what was not used for --older-than", async () => {
    const services = await servicesWith("a", "b");
    expect((await obuilder(["cache", "prune", store, "--older-than", "1h"], { services })).stdout).toBe(
      "Removed 0 caches\n",
    );
    vi.setSystemTime(Date.now() + 1);
    const all = await obuilder(["cache", "prune", store, "--older-than=0s"], { services });
    expect(all.stdout).toBe("Removing a\nRemoving b\nRemoved 2 caches\n");
    expect(await services.caches.list()).toEqual([]);
  });

  it("skips a cache that is in use, and says so", async () => {
    const services = await servicesWith("a", "b");
    await using lease = await services.caches.acquire(cacheRequest("a"));
    vi.setSystemTime(Date.now() + 1);
    const result = await obuilder(["cache", "prune", store, "--older-than=0s"], { services });
    expect(result).toMatchObject({ code: 0, stdout: "Removing b\nRemoved 1 cache\n" });
    expect(result.stderr).toContain(`The cache ${lease.name} is in use`);
  });
});

describe("cache", () => {
  it.each([
    [["cache"], "ls, rm, prune"],
    [["cache", "lst"], "ls"],
    [["cache", "rm"], "No cache is given"],
    [["cache", "ls", "a"], "takes no name"],
    [["cache", "prune"], "--older-than"],
  ])("refuses %j", async (argv, words) => {
    const result = await obuilder([...argv, store], { services: await servicesWith() });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(words);
  });
});
