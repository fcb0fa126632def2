import type { CacheRequest } from "@ob/core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { obuilder, fakeServices } from "../testing/run.ts";

const store = "--store=qemu:/nowhere";
const cacheRequest = (name: string): CacheRequest => ({ name, fileSystem: "ext4", sharing: "shared" });

/** An engine whose caches have these names. */
async function engineWith(...names: readonly string[]) {
  const engine = fakeServices();
  for (const name of names) {
    const lease = await engine.caches.acquire(cacheRequest(name));
    await lease.release();
    await lease[Symbol.asyncDispose]();
  }
  return engine;
}

describe("cache ls", () => {
  it("shows each cache with its size and when it was last used, and the sum", async () => {
    const engine = await engineWith("opam-archives", "npm");
    const { code, stdout } = await obuilder(["cache", "ls", store], { engine });
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^NAME +SIZE +LAST USED\nopam-archives +0 B +\ds ago\nnpm +0 B +\ds ago\n2 caches, 0 B\n$/,
    );
  });

  it("says so where there are none", async () => {
    const result = await obuilder(["cache", "ls", store], { engine: await engineWith() });
    expect(result).toMatchObject({ code: 0, stdout: "0 caches, 0 B\n" });
  });

  it("prints one object a line with --json", async () => {
    const engine = await engineWith("a b", "c");
    const { stdout } = await obuilder(["cache", "ls", store, "--json"], { engine });
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
    const engine = await engineWith("a", "b");
    const result = await obuilder(["cache", "rm", "a", store], { engine });
    expect(result).toEqual({ code: 0, stdout: "Removed 1 cache\n", stderr: "" });
    expect((await engine.caches.list()).map(({ name }) => name)).toEqual(["b"]);
  });

  it("refuses one that a step is using", async () => {
    const engine = await engineWith("a");
    await using lease = await engine.caches.acquire(cacheRequest("a"));
    const result = await obuilder(["cache", "rm", lease.name, store], { engine });
    expect(result).toMatchObject({ code: 4, stdout: "" });
    expect(result.stderr).toContain("in use");
    expect(await engine.caches.list()).toHaveLength(1);
  });

  it("names a near one where there is none of that name", async () => {
    const engine = await engineWith("opam-archives");
    const result = await obuilder(["cache", "rm", "opam-archive", store], { engine });
    expect(result).toMatchObject({ code: 4, stdout: "" });
    expect(result.stderr).toContain('There is no cache "opam-archive"');
    expect(result.stderr).toContain("opam-archives");
  });
});

describe("cache prune", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
  afterEach(() => void vi.useRealTimers());

  it("removes what was not used for --older-than", async () => {
    const engine = await engineWith("a", "b");
    expect((await obuilder(["cache", "prune", store, "--older-than", "1h"], { engine })).stdout).toBe(
      "Removed 0 caches\n",
    );
    vi.setSystemTime(Date.now() + 1);
    const all = await obuilder(["cache", "prune", store, "--older-than=0s"], { engine });
    expect(all.stdout).toBe("Removing a\nRemoving b\nRemoved 2 caches\n");
    expect(await engine.caches.list()).toEqual([]);
  });

  it("passes over one that is in use, and says so", async () => {
    const engine = await engineWith("a", "b");
    await using lease = await engine.caches.acquire(cacheRequest("a"));
    vi.setSystemTime(Date.now() + 1);
    const result = await obuilder(["cache", "prune", store, "--older-than=0s"], { engine });
    expect(result).toMatchObject({ code: 0, stdout: "Removing b\nRemoved 1 cache\n" });
    expect(result.stderr).toContain(`The cache ${lease.name} is in use`);
  });
});

describe("cache", () => {
  it.each([
    [["cache"], "ls, rm or prune"],
    [["cache", "lst"], "ls"],
    [["cache", "rm"], "which cache"],
    [["cache", "ls", "a"], "takes no name"],
    [["cache", "prune"], "--older-than"],
  ])("refuses %j", async (argv, words) => {
    const result = await obuilder([...argv, store], { engine: await engineWith() });
    expect(result).toMatchObject({ code: 2, stdout: "" });
    expect(result.stderr).toContain(words);
  });
});
