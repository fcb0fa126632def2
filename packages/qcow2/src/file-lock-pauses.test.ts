import type * as Fs from "node:fs";
import { unlinkSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isFree, isLockedExclusively, tryLock, waitForLock } from "./file-lock.ts";

/** How long is waited between two tries, in milliseconds. Nothing waits here. */
const pauses = vi.hoisted((): number[] => []);
const afterPause = vi.hoisted((): { call: () => void } => ({ call: () => undefined }));
const signals = vi.hoisted((): (AbortSignal | undefined)[] => []);
vi.mock("node:timers/promises", () => ({
  setTimeout: async (milliseconds: number, _: undefined, options?: { signal?: AbortSignal }) => {
    pauses.push(milliseconds);
    signals.push(options?.signal);
    afterPause.call();
    options?.signal?.throwIfAborted();
  },
}));
/** Called before each look at a lock's file. */
const looks = vi.hoisted((): { call: () => void } => ({ call: () => undefined }));
vi.mock("node:fs", async (original) => {
  const all = await original<typeof Fs>();
  const statSync = (...args: Parameters<typeof all.statSync>) => {
    looks.call();
    return all.statSync(...args);
  };
  return { ...all, statSync };
});

let directory: string;
let path: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-lock-"));
  path = join(directory, "lock");
  pauses.length = 0;
  signals.length = 0;
  afterPause.call = () => undefined;
  looks.call = () => undefined;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(directory, { recursive: true, force: true });
});

describe("a lock that is held", () => {
  it("is tried five times, after pauses that grow, are random, and are a few milliseconds", async () => {
    using held = await tryLock(path, "exclusive");
    expect(held).toBeDefined();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    expect(await tryLock(path, "shared")).toBeUndefined();
    expect(pauses).toEqual([2, 4, 6, 8]);
  });

  it("is taken by a later try", async () => {
    const held = await tryLock(path, "exclusive");
    afterPause.call = () => pauses.length === 2 && held?.release();
    using lock = await tryLock(path, "exclusive");
    expect(lock?.mode).toBe("exclusive");
    expect(pauses).toHaveLength(2);
  });

  it("is waited for with pauses that grow to 100 ms at most", async () => {
    const held = await tryLock(path, "shared");
    vi.spyOn(Math, "random").mockReturnValue(1);
    afterPause.call = () => pauses.length === 13 && held?.release();
    using lock = await waitForLock(path, "exclusive");
    expect(lock.mode).toBe("exclusive");
    expect(pauses.slice(0, 4)).toEqual([2, 3, 4.5, 6.75]);
    expect(pauses.slice(9)).toEqual([2 * 1.5 ** 9, 100, 100, 100]);
  });

  it("is waited for half as long by some, so that not all come at once", async () => {
    const held = await tryLock(path, "shared");
    vi.spyOn(Math, "random").mockReturnValue(0);
    afterPause.call = () => held?.release();
    using lock = await waitForLock(path, "exclusive");
    expect([lock.path, pauses]).toEqual([path, [1]]);
  });

  it("is not waited for after the caller was cancelled", async () => {
    using held = await tryLock(path, "exclusive");
    expect(held).toBeDefined();
    const stop = new AbortController();
    afterPause.call = () => stop.abort();
    await expect(waitForLock(path, "exclusive", stop.signal)).rejects.toMatchObject({ code: "CANCELLED" });
    // The signal ends the pause, too.
    expect([pauses.length, signals]).toEqual([1, [stop.signal]]);
  });
});

describe("the file of a lock", () => {
  it.each(["exclusive", "shared"] as const)("is alone while it is held in the mode %s", async (mode) => {
    using held = await tryLock(path, mode);
    expect(held).toBeDefined();
    expect(await readdir(directory)).toEqual(["lock"]);
  });

  it("is not removed by who has had another one at its place", async () => {
    const early = await tryLock(path, "shared");
    await rm(path);
    using late = await tryLock(path, "shared");
    early?.release();
    expect(late).toBeDefined();
    expect([await readdir(directory), isFree(path)]).toEqual([["lock"], false]);
  });

  it("that a crash has left locks nothing", async () => {
    await writeFile(path, "");
    expect([isFree(path), isLockedExclusively(path)]).toEqual([true, false]);
    const none = join(directory, "none", "lock");
    expect([isFree(none), isLockedExclusively(none)]).toEqual([true, false]);
  });

  it("that is replaced while it is opened is not the lock: the other one counts", async () => {
    await writeFile(path, "");
    let count = 0;
    let other: DatabaseSync | undefined;
    looks.call = () => {
      count += 1;
      if (count !== 3) return;
      // After it was opened its last holder removes the file, and another process takes the lock.
      unlinkSync(path);
      other = new DatabaseSync(path);
      other.exec("BEGIN EXCLUSIVE");
    };
    expect(isLockedExclusively(path)).toBe(true);
    other?.close();
    expect(count).toBeGreaterThan(3);
  });

  it("is not open any more after a try that has failed", async () => {
    using held = await tryLock(path, "exclusive");
    expect(held).toBeDefined();
    const close = vi.spyOn(DatabaseSync.prototype, "close");
    expect(isFree(path)).toBe(false);
    expect(close).toHaveBeenCalledTimes(1);
  });
});
