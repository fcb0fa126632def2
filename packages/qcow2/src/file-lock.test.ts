import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestProcess, type TestProcess } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { isFree, isLockedExclusively, tryLock, waitForLock, withLock } from "./file-lock.ts";

/** Runs a command of process.test.helper.ts in a second process. */
const startChild = (...args: readonly string[]): TestProcess =>
  startTestProcess(join(import.meta.dirname, "process.test.helper.ts"), args);

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "ob-lock-"));
  path = join(directory, "lock");
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

describe("inside one process", () => {
  it("grants an exclusive lock once, until it is released", async () => {
    const first = await tryLock(path, "exclusive");
    expect(await tryLock(path, "exclusive")).toBeUndefined();
    expect(await tryLock(path, "shared")).toBeUndefined();
    first?.release();
    const second = await tryLock(path, "exclusive");
    expect(second?.mode).toBe("exclusive");
    second?.release();
  });

  it("is released although its file cannot be removed", async () => {
    const lock = await tryLock(path, "exclusive");
    await rm(path);
    await mkdir(path);
    lock?.release();
    await rm(path, { recursive: true });
    const next = await tryLock(path, "exclusive");
    expect(next?.mode).toBe("exclusive");
    next?.release();
  });

  it("grants several shared locks at a time, and no exclusive one with them", async () => {
    const locks = [await tryLock(path, "shared"), await tryLock(path, "shared")];
    expect(locks).not.toContain(undefined);
    expect(await tryLock(path, "exclusive")).toBeUndefined();
    locks[0]?.release();
    expect(await tryLock(path, "exclusive")).toBeUndefined();
    locks[1]?.release();
    expect(isFree(path)).toBe(true);
  });

  it("says whether a lock is held without affecting it", async () => {
    expect(isFree(path)).toBe(true);
    expect(isLockedExclusively(path)).toBe(false);
    const shared = await tryLock(path, "shared");
    expect(isFree(path)).toBe(false);
    expect(isLockedExclusively(path)).toBe(false);
    shared?.release();
    const exclusive = await tryLock(path, "exclusive");
    expect(isLockedExclusively(path)).toBe(true);
    expect(await tryLock(path, "shared")).toBeUndefined();
    exclusive?.release();
  });

  it("leaves no file when the last holder lets go, in any order", async () => {
    const one = await tryLock(path, "shared");
    const two = await tryLock(path, "shared");
    one?.release();
    expect(await readdir(directory)).toEqual(["lock"]);
    two?.release();
    two?.release();
    expect(await readdir(directory)).toEqual([]);
  });

  it("a late release does not take the lock of who came after", async () => {
    const early = await tryLock(path, "exclusive");
    early?.release();
    const late = await tryLock(path, "exclusive");
    early?.release();
    expect(isLockedExclusively(path)).toBe(true);
    late?.release();
  });

  it("waits until the holder lets go", async () => {
    const first = await tryLock(path, "exclusive");
    const waiting = waitForLock(path, "exclusive");
    first?.release();
    const second = await waiting;
    expect(isLockedExclusively(path)).toBe(true);
    second.release();
  });

  it("stops waiting when the signal fires", async () => {
    const held = await tryLock(path, "exclusive");
    const stop = new AbortController();
    const waiting = waitForLock(path, "shared", stop.signal);
    stop.abort();
    await expect(waiting).rejects.toMatchObject({ code: "CANCELLED" });
    held?.release();
  });

  it("grants one of many who come at the same moment", async () => {
    const locks = await Promise.all(Array.from({ length: 20 }, () => tryLock(path, "exclusive")));
    expect(locks.filter((lock) => lock !== undefined)).toHaveLength(1);
    for (const lock of locks) lock?.release();
  });
});

describe("what is around a lock", () => {
  it("is released by the work that it was taken for, whether that succeeds or not", async () => {
    const first = await waitForLock(path, "exclusive");
    const held = await withLock(first, async () => isLockedExclusively(path));
    expect([held, isFree(path)]).toEqual([true, true]);
    const second = await waitForLock(path, "exclusive");
    const failed = withLock(second, async () => {
      throw new RangeError("the work");
    });
    await expect(failed).rejects.toThrow(new RangeError("the work"));
    expect(isFree(path)).toBe(true);
  });

  it("has the path and the mode that were asked for, and ends with its scope", async () => {
    {
      using lock = await tryLock(path, "shared");
      expect(lock).toMatchObject({ path, mode: "shared" });
      expect(isFree(path)).toBe(false);
    }
    expect(isFree(path)).toBe(true);
  });

  it("refuses what is not a path or not a mode, and names the caller", async () => {
    const mode = JSON.parse('"both"');
    await expect(tryLock(path, mode)).rejects.toThrow(
      new TypeError('tryLock: mode must be "shared" or "exclusive", not "both".'),
    );
    await expect(waitForLock(path, mode)).rejects.toThrow(
      new TypeError('waitForLock: mode must be "shared" or "exclusive", not "both".'),
    );
    await expect(tryLock(JSON.parse("1"), "shared")).rejects.toThrow(/^tryLock: path /);
    await expect(waitForLock(JSON.parse("1"), "shared")).rejects.toThrow(/^waitForLock: path /);
  });

  it("is an error if there cannot be a lock, and not one that is held", async () => {
    await mkdir(path);
    await expect(tryLock(path, "exclusive")).rejects.toThrow(/unable to open/);
    await rm(path, { recursive: true });
    await writeFile(path, "this is a file of another kind, and longer than a header of SQLite".repeat(20));
    await expect(tryLock(path, "shared")).rejects.toThrow(/not a database/);
  });

  it("is no file where somebody only asks", async () => {
    expect([isFree(path), isLockedExclusively(path)]).toEqual([true, false]);
    expect(await readdir(directory)).toEqual([]);
  });

  it("is not taken by who was cancelled before", async () => {
    await expect(waitForLock(path, "shared", AbortSignal.abort())).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(await readdir(directory)).toEqual([]);
  });
});

describe("between processes", () => {
  it("keeps others out, and lets them in when the process is killed", async () => {
    await using child = startChild("lock", path, "exclusive");
    expect(await child.readLine()).toBe("held");
    expect(await tryLock(path, "exclusive")).toBeUndefined();
    expect(isLockedExclusively(path)).toBe(true);
    await child.kill();
    const lock = await tryLock(path, "exclusive");
    expect(lock).toBeDefined();
    lock?.release();
  });

  it("a shared lock elsewhere forbids an exclusive one here, and allows a shared one", async () => {
    await using child = startChild("lock", path, "shared");
    expect(await child.readLine()).toBe("held");
    expect(await tryLock(path, "exclusive")).toBeUndefined();
    const shared = await tryLock(path, "shared");
    expect(shared).toBeDefined();
    shared?.release();
    // Our release must not have removed the file under the other's lock.
    expect(isFree(path)).toBe(false);
    child.resume();
    await child.ended();
    expect(isFree(path)).toBe(true);
  });

  it("never lets two in at once while the file comes and goes", async () => {
    const counter = join(directory, "counter");
    await writeFile(counter, "0");
    const turns = 300;
    await using one = startChild("count-up", path, counter, String(turns));
    await using two = startChild("count-up", path, counter, String(turns));
    await using three = startChild("count-up", path, counter, String(turns));
    for (const child of [one, two, three]) expect(await child.readLine()).toBe("done");
    expect(await readFile(counter, "utf8")).toBe(String(3 * turns));
  });
});
