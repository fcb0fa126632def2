import { existsSync, readdirSync, rmSync, statSync } from "node:fs";
import type * as Promises from "node:fs/promises";
import { basename, dirname } from "node:path";
import { layerBackingPath, type LayerId, layerLock, within } from "@ob/core";
import { isFree, isLockedExclusively, readQcowHeader } from "@ob/qcow2";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf } from "../temporary-store.test.helper.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";
import { createScratchDisk } from "./scratch-disk.ts";

vi.mock("@ob/qcow2", async (original) => {
  const all = await original<typeof Qcow2>();
  return {
    ...all,
    createOverlay: vi.fn<typeof all.createOverlay>(all.createOverlay),
    tryLock: vi.fn<typeof all.tryLock>(all.tryLock),
  };
});
vi.mock("node:fs/promises", async (original) => {
  const all = await original<typeof Promises>();
  return { ...all, rm: vi.fn<typeof all.rm>(all.rm) };
});
const fs = await import("node:fs/promises");
const { createOverlay, tryLock } = await import("@ob/qcow2");

let here: PlainStore;
let base: LayerId;
beforeEach(async () => {
  here = await plainStore();
  base = here.add("base");
  vi.mocked(createOverlay).mockClear();
  vi.mocked(fs.rm).mockClear();
});
afterEach(async () => await here[Symbol.asyncDispose]());

const left = () => readdirSync(here.context.layout.temporary);
const isUnlocked = () => isFree(layerLock(here.context.layout, base));

describe("a scratch disk", () => {
  it("is an overlay on its layer, in a directory of its owner's that has a lock", async () => {
    const { signal } = new AbortController();
    await using scratch = await createScratchDisk(here.context, base, signal);
    expect(scratch.layer).toBe(base);
    expect((await readQcowHeader(scratch.disk))?.backing).toBe(layerBackingPath(base));
    expect(statSync(dirname(scratch.disk)).mode & 0o777).toBe(0o700);
    const directory = dirname(dirname(scratch.disk));
    expect(dirname(directory)).toBe(here.context.layout.temporary);
    expect(basename(directory)).toMatch(/^borrowed-[0-9a-f-]{36}$/);
    expect(isLockedExclusively(within(here.context.layout.locks, basename(directory)))).toBe(true);
    expect(isUnlocked()).toBe(false);
    const { emit } = here.context;
    expect(vi.mocked(createOverlay).mock.calls).toEqual([
      [scratch.disk, { backing: layerBackingPath(base), signal, emit }],
    ]);
  });

  it("goes with its locks when it is disposed of, also where it is gone already", async () => {
    for (const isGone of [false, true]) {
      const scratch = await createScratchDisk(here.context, base);
      if (isGone) rmSync(dirname(dirname(scratch.disk)), { recursive: true });
      await scratch[Symbol.asyncDispose]();
      expect(existsSync(scratch.disk)).toBe(false);
    }
    expect([left(), readdirSync(here.context.layout.locks)]).toEqual([[], []]);
    // What a process that has just ended still writes is tried again.
    expect(vi.mocked(fs.rm).mock.lastCall?.[1]).toMatchObject({ maxRetries: 3 });
  });

  it("that cannot be made leaves nothing", async () => {
    const odd = new Error("odd");
    vi.mocked(createOverlay).mockRejectedValueOnce(odd);
    await expect(createScratchDisk(here.context, base)).rejects.toBe(odd);
    expect([left(), isUnlocked()]).toEqual([[], true]);
  });

  it("whose lock another process has is an error that names it", async () => {
    const { tryLock: lockNow } = await vi.importActual<typeof Qcow2>("@ob/qcow2");
    vi.mocked(tryLock).mockImplementation(async (path, mode) =>
      basename(path).startsWith("borrowed-") ? undefined : await lockNow(path, mode),
    );
    await expect(createScratchDisk(here.context, base)).rejects.toMatchObject({
      code: "STORE",
      message: expect.stringMatching(/^The lock borrowed-[0-9a-f-]{36} is held by another process\.$/),
    });
    vi.mocked(tryLock).mockImplementation(lockNow);
    expect([left(), isUnlocked()]).toEqual([[], true]);
  });

  it("is not made of a layer that is not there, nor after a signal", async () => {
    await expect(createScratchDisk(here.context, idOf("none"))).rejects.toMatchObject({
      code: "NO_SUCH_LAYER",
    });
    for (const id of [base, idOf("none")]) {
      const creating = createScratchDisk(here.context, id, AbortSignal.abort());
      await expect(creating).rejects.toMatchObject({ code: "CANCELLED" });
    }
    expect(left()).toEqual([]);
  });
});
