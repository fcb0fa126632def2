import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { type LayerId, layerLock, resultDirectory } from "@ob/core";
import { isFree, tryLock, waitForLock } from "@ob/qcow2";
import type * as Promises from "node:fs/promises";
import type * as Timers from "node:timers/promises";
import type * as Qcow2 from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { StoreDatabase } from "../db/database.ts";
import { idOf } from "../temporary-store.test.helper.ts";
import { type PlainStore, plainStore } from "./plain-store.test.helper.ts";
import { deleteLayer, layersInUse, removeDependents } from "./remove.ts";

/** Pauses between two looks at a lock, in milliseconds. Nothing waits here. */
const pauses = vi.hoisted((): { all: number[]; onPause: () => void } => ({
  all: [],
  onPause: () => undefined,
}));
/** Called with each directory that is flushed. */
const flushes = vi.hoisted((): { onFlush: (path: string) => void } => ({ onFlush: () => undefined }));
vi.mock("node:timers/promises", async (original) => ({
  ...(await original<typeof Timers>()),
  setTimeout: async (milliseconds: number) => {
    pauses.all.push(milliseconds);
    pauses.onPause();
  },
}));
vi.mock("node:fs/promises", async (original) => {
  const all = await original<typeof Promises>();
  return { ...all, rename: vi.fn<typeof all.rename>(all.rename), rm: vi.fn<typeof all.rm>(all.rm) };
});
vi.mock("@ob/qcow2", async (original) => {
  const all = await original<typeof Qcow2>();
  const syncPath = async (path: string): Promise<void> => {
    flushes.onFlush(path);
    await all.syncPath(path);
  };
  return { ...all, syncPath, waitForLock: vi.fn<typeof all.waitForLock>(all.waitForLock) };
});
const fs = await import("node:fs/promises");

let here: PlainStore;
let base: LayerId;
beforeEach(async () => {
  pauses.all.length = 0;
  pauses.onPause = () => undefined;
  flushes.onFlush = () => undefined;
  here = await plainStore();
  base = here.add("base");
});
afterEach(async () => {
  vi.restoreAllMocks();
  await here[Symbol.asyncDispose]();
});

const rows = () => new Set(here.context.database.list().map(({ id }) => id));
const onDisk = () => new Set(readdirSync(here.context.layout.results));
const left = () => readdirSync(here.context.layout.temporary);

describe("deleting a layer", () => {
  it("takes its dependents before it, and leaves neither files, rows nor trash", async () => {
    const middle = here.add("middle", base);
    const leaf = here.add("leaf", middle);
    const other = here.add("other", base);
    const told: LayerId[] = [];
    const gone = await deleteLayer(here.context, middle, { onDelete: (id) => told.push(id) });
    expect([gone, told]).toEqual([
      [leaf, middle],
      [leaf, middle],
    ]);
    expect([rows(), onDisk()]).toEqual([new Set([base, other]), new Set([base, other])]);
    expect(left()).toEqual([]);
  });

  it("is on disk for the dependents before their parents go", async () => {
    const one = here.add("one", base);
    const two = here.add("two", base);
    const leaves = [here.add("leaf", one), here.add("other leaf", two)];
    const flushed: number[] = [];
    flushes.onFlush = (path) => {
      expect(path).toBe(here.context.layout.results);
      flushed.push(onDisk().size);
    };
    await deleteLayer(here.context, base, {});
    expect([...leaves, one, two, base].some((id) => here.has(id))).toBe(false);
    // After the leaves, after the layers under them, and at the end.
    expect(flushed).toEqual([3, 1, 0]);
  });

  it("takes a row whose directory is gone, and counts a layer that only the disk has", async () => {
    const child = here.add("child", base);
    await fs.rm(resultDirectory(here.context.layout, child), { recursive: true });
    expect(await deleteLayer(here.context, base, {})).toEqual([child, base]);
    const again = here.add("again");
    here.context.database.remove([again]);
    expect(await deleteLayer(here.context, again, {})).toEqual([again]);
    expect([rows().size, onDisk().size]).toEqual([0, 0]);
  });

  it("that is not there is an error that says so, or that it is being made", async () => {
    const id = idOf("none");
    await expect(deleteLayer(here.context, id, {})).rejects.toMatchObject({
      code: "NO_SUCH_LAYER",
      message: `The store has no layer ${id}.`,
      hint: "`---> saved as` in a build's output has the ids of its layers.",
    });
    using lock = await tryLock(layerLock(here.context.layout, id), "exclusive");
    expect(lock).toBeDefined();
    await expect(deleteLayer(here.context, id, {})).rejects.toMatchObject({
      code: "LAYER_BUSY",
      message: `Layer ${id} is in use; nothing was deleted.`,
    });
  });

  it("that is in use, or whose dependent is, deletes nothing", async () => {
    const child = here.add("child", base);
    for (const [used, message] of [
      [base, `Layer ${base} is in use; nothing was deleted.`],
      [child, `Layer ${child}, which depends on ${base}, is in use; nothing was deleted.`],
    ] as const) {
      using lock = await tryLock(layerLock(here.context.layout, used), "shared");
      expect(lock).toBeDefined();
      await expect(deleteLayer(here.context, base, {})).rejects.toMatchObject({
        ...{ code: "LAYER_BUSY", message },
        hint: "A running build uses it. Wait for its end, or cancel it.",
      });
    }
    expect([rows().size, onDisk().size, left()]).toEqual([2, 2, []]);
  });

  it("goes on if the lock that was held is free a moment later", async () => {
    const lock = await tryLock(layerLock(here.context.layout, base), "shared");
    pauses.onPause = () => pauses.all.length === 4 && lock?.release();
    expect(await deleteLayer(here.context, base, {})).toEqual([base]);
    expect(pauses.all).toEqual([5, 10, 15, 20]);
  });

  it("looks five times at a lock", async () => {
    using lock = await tryLock(layerLock(here.context.layout, base), "shared");
    expect(lock).toBeDefined();
    await expect(deleteLayer(here.context, base, {})).rejects.toMatchObject({ code: "LAYER_BUSY" });
    expect(pauses.all).toEqual([5, 10, 15, 20, 25]);
  });

  it("that is being made anew, and has its old row still, deletes nothing", async () => {
    await fs.rm(resultDirectory(here.context.layout, base), { recursive: true });
    using lock = await tryLock(layerLock(here.context.layout, base), "exclusive");
    expect(lock).toBeDefined();
    await expect(deleteLayer(here.context, base, {})).rejects.toMatchObject({ code: "LAYER_BUSY" });
    expect(rows()).toEqual(new Set([base]));
  });

  it("takes the old row of a dependent that is being made anew", async () => {
    const child = here.add("child", base);
    await fs.rm(resultDirectory(here.context.layout, child), { recursive: true });
    using lock = await tryLock(layerLock(here.context.layout, child), "exclusive");
    expect(lock).toBeDefined();
    expect(await deleteLayer(here.context, base, {})).toEqual([child, base]);
    expect(rows().size).toBe(0);
  });

  it("with a tag needs force", async () => {
    const child = here.add("child", base);
    const { tags } = here.context.database;
    tags.set(base, ["b", "a"]);
    const refusal = async (id: LayerId) =>
      await deleteLayer(here.context, id, {}).catch((error: unknown) => error);
    expect(await refusal(base)).toMatchObject({
      ...{ code: "LAYER_BUSY", data: { tags: "a, b" } },
      message: `Layer ${base} has the tag a, b; nothing was deleted.`,
    });
    tags.set(child, ["c"]);
    expect(await refusal(base)).toMatchObject({
      data: { tags: "a, b, c" },
      message: `Layer ${base}, or layers based on it, have the tags a, b, c; nothing was deleted.`,
    });
    expect(rows().size).toBe(2);
    expect(await deleteLayer(here.context, base, { force: true })).toEqual([child, base]);
    expect(tags.list()).toEqual([]);
    tags.set(here.add("tagged"), ["d"]);
    const untagged = here.add("untagged");
    expect(await deleteLayer(here.context, untagged, {})).toEqual([untagged]);
  });

  it("is not undone by files that cannot be removed, which is a warning", async () => {
    vi.mocked(fs.rm).mockRejectedValueOnce(new Error("it is busy"));
    expect(await deleteLayer(here.context, base, {})).toEqual([base]);
    const [trash] = left();
    expect(trash).toMatch(/^trash-/);
    expect(here.events).toEqual([
      {
        ...{ type: "log", level: "warning" },
        text: `Cannot remove ${here.context.layout.temporary}/${trash}: it is busy`,
      },
    ]);
  });

  it("says nothing of files that another process removes first", async () => {
    flushes.onFlush = () => {
      for (const name of left()) rmSync(`${here.context.layout.temporary}/${name}`, { recursive: true });
    };
    expect(await deleteLayer(here.context, base, {})).toEqual([base]);
    expect([left(), here.events]).toEqual([[], []]);
  });

  it("that cannot be moved away is an error, and its row stays", async () => {
    vi.mocked(fs.rename).mockRejectedValueOnce(Object.assign(new Error("no"), { code: "EROFS" }));
    await expect(deleteLayer(here.context, base, {})).rejects.toMatchObject({
      code: "STORE",
      message: `Cannot delete layer ${base}: no`,
    });
    expect([rows().has(base), isFree(layerLock(here.context.layout, base))]).toEqual([true, true]);
  });

  it("leaves its row on a full disk only", async () => {
    const remove = vi.spyOn(StoreDatabase.prototype, "remove");
    remove.mockImplementationOnce(() => {
      throw Object.assign(new Error("full"), { code: "ENOSPC" });
    });
    expect(await deleteLayer(here.context, base, {})).toEqual([base]);
    expect(here.events).toMatchObject([
      { type: "log", level: "warning", text: "Cannot remove deleted layers from the database: full" },
    ]);
    mkdirSync(resultDirectory(here.context.layout, base));
    remove.mockImplementationOnce(() => {
      throw new Error("odd");
    });
    await expect(deleteLayer(here.context, base, {})).rejects.toMatchObject({
      message: "Cannot remove deleted layers from the database: odd",
    });
    expect(left()).toEqual([]);
  });
});

describe("the dependents of a layer that is made again", () => {
  it("go, and the layer's own row stays", async () => {
    const middle = here.add("middle", base);
    const leaf = here.add("leaf", middle);
    await removeDependents(here.context, base);
    expect(rows()).toEqual(new Set([base]));
    expect([here.has(leaf), here.has(middle), here.has(base)]).toEqual([false, false, true]);
  });

  it("stay while one of them is in use", async () => {
    const child = here.add("child", base);
    using lock = await tryLock(layerLock(here.context.layout, child), "shared");
    expect(lock).toBeDefined();
    await expect(removeDependents(here.context, base)).rejects.toMatchObject({
      ...{ code: "LAYER_BUSY" },
      message: `Layer ${child}, which depends on ${base}, is in use; nothing was deleted.`,
    });
    expect(here.has(child)).toBe(true);
  });

  it("cost nothing if there are none", async () => {
    vi.mocked(waitForLock).mockClear();
    await removeDependents(here.context, base);
    expect(vi.mocked(waitForLock)).not.toHaveBeenCalled();
    expect(here.has(base)).toBe(true);
  });
});

describe("layers in use", () => {
  it("are those whose lock is held", async () => {
    const child = here.add("child", base);
    expect(await layersInUse(here.context)).toEqual(new Set());
    using lock = await tryLock(layerLock(here.context.layout, child), "shared");
    expect(lock).toBeDefined();
    expect(await layersInUse(here.context)).toEqual(new Set([child]));
  });
});
