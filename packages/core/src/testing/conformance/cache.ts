import assert from "node:assert/strict";
import type { CacheRequest, CacheStore } from "../../ports/cache.ts";
import { isObError } from "../../errors.ts";
import type { ConformanceCase } from "./case.ts";

/** New caches for one case; disposing of them removes what was made. */
export interface CacheFixture extends AsyncDisposable {
  /** Without any cache. */
  readonly caches: CacheStore;
}

type Check = (caches: CacheStore) => Promise<void>;

/** What every `CacheStore` does. */
export function cacheConformance(makeFixture: () => Promise<CacheFixture>): readonly ConformanceCase[] {
  return Object.entries(cases).map(([name, check]) => ({
    name,
    run: async () => {
      await using fixture = await makeFixture();
      await check(fixture.caches);
    },
  }));
}

const request = (name: string, more: Partial<CacheRequest> = {}): CacheRequest => ({
  name,
  fileSystem: "ext4",
  sharing: "shared",
  ...more,
});

const cases: Readonly<Record<string, Check>> = {
  "each step has its own copy": async (caches) => {
    await using a = await caches.acquire(request("x"));
    await using b = await caches.acquire(request("x"));
    assert.notEqual(a.disk, b.disk);
    assert.equal(a.name, "x");
  },

  "the first to finish publishes, and the others are dropped": async (caches) => {
    const a = await caches.acquire(request("x"));
    const b = await caches.acquire(request("x"));
    assert.equal(await b.release(), true);
    assert.equal(await a.release(), false);
    await a[Symbol.asyncDispose]();
    await b[Symbol.asyncDispose]();
    await using next = await caches.acquire(request("x"));
    assert.equal(next.formatted, true);
    assert.equal(await next.release(), true);
  },

  "a step that started from an older version does not publish": async (caches) => {
    await using slow = await caches.acquire(request("x", { sharing: "private" }));
    for (let step = 0; step < 2; step += 1) {
      await using quick = await caches.acquire(request("x", { sharing: "private" }));
      assert.equal(await quick.release(), true);
    }
    assert.equal(await slow.release(), false);
  },

  "a copy that is dropped changes nothing": async (caches) => {
    await using kept = await caches.acquire(request("x"));
    const dropped = await caches.acquire(request("x"));
    await dropped[Symbol.asyncDispose]();
    await dropped[Symbol.asyncDispose]();
    assert.equal(await dropped.release(), false);
    assert.equal(await kept.release(), true);
  },

  "a copy is published once": async (caches) => {
    await using lease = await caches.acquire(request("x"));
    assert.equal(await lease.release(), true);
    assert.equal(await lease.release(), false);
  },

  "one step at a time has a locked cache": async (caches) => {
    const locked = request("x", { sharing: "locked" });
    const first = await caches.acquire(locked);
    const order: string[] = [];
    const waiting = caches.acquire(locked).then((lease) => {
      order.push("second acquires");
      return lease;
    });
    await using other = await caches.acquire(request("y", { sharing: "locked" }));
    order.push(`first releases ${other.name === "y"}`);
    assert.equal(await first.release(), true);
    await first[Symbol.asyncDispose]();
    await using second = await waiting;
    assert.deepEqual(order, ["first releases true", "second acquires"]);
    assert.equal(await second.release(), true);
  },

  "waiting for a locked cache ends when the signal fires": async (caches) => {
    const locked = request("x", { sharing: "locked" });
    await using first = await caches.acquire(locked);
    const stop = new AbortController();
    const waiting = caches.acquire(locked, stop.signal);
    stop.abort();
    await assert.rejects(waiting, (error) => isObError(error, "CANCELLED"));
    assert.equal(await first.release(), true);
  },

  "caches with any names are separate": async (caches) => {
    for (const name of ["a/1", "a%2f1", "x y", "..", ".", "ä", "c-a"]) {
      await using lease = await caches.acquire(request(name));
      await using other = await caches.acquire(request(`${name}'`));
      assert.equal(await lease.release(), true);
      assert.equal(await other.release(), true);
    }
    const names = (await caches.list()).map(({ name }) => name);
    assert.equal(names.length, 14);
    assert.ok(names.includes("a/1") && names.includes("a%2f1") && names.includes("..'"));
  },

  "each guest operating system has its own cache of a name": async (caches) => {
    await using linux = await caches.acquire(request("x"));
    await using openbsd = await caches.acquire(request("x", { fileSystem: "ffs" }));
    assert.equal(await linux.release(), true);
    assert.notEqual(linux.disk, openbsd.disk);
    await using later = await caches.acquire(request("x", { fileSystem: "ffs" }));
    assert.equal(later.formatted, false);
  },

  "a cache that a step is using is not removed": async (caches) => {
    await using before = await caches.acquire(request("x"));
    assert.equal(await before.release(), true);
    await before[Symbol.asyncDispose]();
    assert.deepEqual(
      (await caches.list()).map(({ inUse }) => inUse),
      [false],
    );
    await using lease = await caches.acquire(request("x"));
    assert.deepEqual(
      (await caches.list()).map(({ inUse }) => inUse),
      [true],
    );
    await assert.rejects(caches.remove("x"), (error) => isObError(error, "CACHE"));
    assert.equal(await lease.release(), true);
    await lease[Symbol.asyncDispose]();
    assert.equal(await caches.remove("x"), true);
  },

  "a removed cache is gone, and cannot be removed twice": async (caches) => {
    const lease = await caches.acquire(request("x"));
    await lease.release();
    await lease[Symbol.asyncDispose]();
    assert.equal(await caches.remove("x"), true);
    assert.deepEqual(await caches.list(), []);
    assert.equal(await caches.remove("x"), false);
  },
};
