import { mkdir, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Layer, type LayerId, layerLock } from "@ob/core";
import { isLockedExclusively, readQcowHeader, resolveBacking } from "@ob/qcow2";
import { testTime } from "@ob/core/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { startChild } from "../child.test.helper.ts";
import { StoreDatabase } from "../db/database.ts";
import { openStore } from "../store.ts";
import {
  hasPattern,
  idOf,
  importBase,
  logOf,
  makeImage,
  makeLayer,
  type TemporaryStore,
  temporaryStore,
} from "../temporary-store.test.helper.ts";

let fixture: TemporaryStore;
let base: Layer;

beforeEach(async () => {
  fixture = await temporaryStore();
  await makeImage(fixture.image("debian"), { size: "64M" });
  base = await importBase(fixture.store, "debian");
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

describe("two processes", () => {
  it("the second cannot begin a layer of the first, follows its log, and then finds the layer", async () => {
    const { directory, store } = fixture;
    const id = idOf("x");
    await using child = startChild("begin", directory, id, base.id);
    expect(await child.readLine()).toBe("begun");
    expect(await store.tryBegin(id)).toBeUndefined();
    const following = logOf(store, id);
    await child.readLine();
    child.resume();
    expect(await following).toBe("begun\n");
    await child.ended();
    expect((await store.find(id))?.id).toBe(id);
  });

  it("make each layer once if both need it", async () => {
    const { directory, store } = fixture;
    const ids = Array.from({ length: 10 }, (_, n) => idOf(`chain ${n}`));
    const args = [directory, base.id, ids.join(",")] as const;
    await using one = startChild("race", ...args);
    await using two = startChild("race", ...args);
    await using three = startChild("race", ...args);
    const made = await Promise.all([one, two, three].map((child) => child.readLine()));
    expect(made.map(Number).reduce((sum, count) => sum + count)).toBe(ids.length);
    for (const id of ids) expect((await logOf(store, id)).match(/made by/g)).toHaveLength(1);
    expect([...store.list()]).toHaveLength(1 + ids.length);
  });

  it("a layer that one makes is not swept when the other opens the store", async () => {
    const { directory } = fixture;
    await using child = startChild("begin", directory, idOf("x"), base.id);
    await child.readLine();
    const disk = await child.readLine();
    await using again = await openStore({ directory });
    expect((await readQcowHeader(disk))?.virtualSize).toBe(64 << 20);
    await expect(again.delete(base.id)).rejects.toMatchObject({ code: "LAYER_BUSY" });
    expect(await again.prune({ before: new Date(Date.now() + 10_000) })).toEqual([]);
    child.resume();
    await child.ended();
    expect(await again.find(idOf("x"))).toBeDefined();
  });

  it("the lock of a killed process is released at once, and its files are swept except the log", async () => {
    const { directory, store } = fixture;
    const id = idOf("x");
    await using child = startChild("begin", directory, id, base.id);
    await child.readLine();
    const disk = await child.readLine();
    await child.kill();
    await using again = await openStore({ directory });
    expect(await readdir(dirname(dirname(disk)))).toEqual(["log"]);
    expect(await readdir(join(directory, "state/locks"))).toEqual([]);
    expect(await logOf(again, id)).toBe("begun\n");
    expect(await again.find(id)).toBeUndefined();
    const layer = await makeLayer(store, { id, parent: base.id, fill: 9 });
    expect(await hasPattern(layer.disk, { fill: 9 })).toBe(true);
  });
});

describe("a failed layer", () => {
  it.each([
    ["long ago", -8],
    ["in the future, by a clock that was wrong", 8],
  ])("leaves only its log, for some days; one from %s goes", async (_, days) => {
    const { directory, store } = fixture;
    const id = idOf("x");
    const log = join(directory, "result-tmp", id, "log");
    {
      await using writer = await store.tryBegin(id);
      await writer?.createDisk(base.id);
      writer?.appendLog(Buffer.from("it broke\n"));
    }
    expect(await readdir(dirname(log))).toEqual(["log"]);
    expect(await readdir(join(directory, "state/locks"))).toEqual([]);
    await (await openStore({ directory }))[Symbol.asyncDispose]();
    expect(await logOf(store, id)).toBe("it broke\n");
    const then = new Date(Date.now() + days * 86_400_000);
    await utimes(log, then, then);
    await (await openStore({ directory }))[Symbol.asyncDispose]();
    await expect(logOf(store, id)).rejects.toMatchObject({ code: "NO_SUCH_LAYER" });
  });

  it("does not end the following of its successor's log early", async () => {
    const { store } = fixture;
    const failed = await store.tryBegin(idOf("x"));
    failed?.appendLog(Buffer.from("first\n"));
    await failed?.[Symbol.asyncDispose]();
    await using second = await store.tryBegin(idOf("x"));
    const following = logOf(store, idOf("x"));
    second?.appendLog(Buffer.from("second\n"));
    await second?.createDisk(base.id);
    await second?.commit();
    expect(await following).toBe("second\n");
  });
});

describe("a disk", () => {
  it("can be created again by the same writer, on another layer too", async () => {
    const { store } = fixture;
    const other = await makeLayer(store, { id: idOf("other"), parent: base.id, fill: 3 });
    await using writer = await store.tryBegin(idOf("x"));
    await writer?.createDisk(base.id);
    const disk = (await writer?.createDisk(other.id)) ?? "";
    expect(await hasPattern(disk, { fill: 3 })).toBe(true);
    expect(isLockedExclusively(layerLock(store.layout, base.id))).toBe(false);
    await writer?.commit();
    expect([...store.list()].find(({ id }) => id === idOf("x"))?.parent).toBe(other.id);
  });

  it("grows to the requested size, and never shrinks", async () => {
    const { directory } = fixture;
    const sizeOn = async (diskSize: number, name: string): Promise<number | undefined> => {
      await using store = await openStore({ directory, diskSize });
      await using writer = await store.tryBegin(idOf(name));
      return (await readQcowHeader((await writer?.createDisk(base.id)) ?? ""))?.virtualSize;
    };
    expect(await sizeOn(128 << 20, "grown")).toBe(128 << 20);
    expect(await sizeOn(1 << 20, "small")).toBe(64 << 20);
  });

  it(
    "has the right contents on top of sixty layers, through a chain that stays short",
    async () => {
      const { store } = fixture;
      let parent: LayerId = base.id;
      for (let step = 1; step <= 60; step += 1) {
        const layer = await makeLayer(store, {
          id: idOf(`s${step}`),
          parent,
          fill: step,
          offset: step << 20,
        });
        parent = layer.id;
      }
      const top = await store.find(parent);
      for (let step = 1; step <= 60; step += 1) {
        expect(await hasPattern(top?.disk ?? "", { fill: step, offset: step << 20 })).toBe(true);
      }
      expect(await chainLength(top?.disk ?? "")).toBeLessThanOrEqual(34);
      expect((await store.delete(idOf("s20"))).length).toBe(41);
    },
    testTime(60_000),
  );

  it("stays valid when the store is moved", async () => {
    const { store } = fixture;
    const layer = await makeLayer(store, { id: idOf("x"), parent: base.id, fill: 4 });
    expect((await readQcowHeader(layer.disk))?.backing).toBe(`../../../result/${base.id}/rootfs/image.qcow2`);
  });
});

describe("a crash", () => {
  it("between the rename and the row loses neither the layer nor its parent", async () => {
    const { directory, store } = fixture;
    const layer = await makeLayer(store, { id: idOf("x"), parent: base.id });
    using database = new StoreDatabase(store.layout.database);
    database.remove([layer.id]);
    database.markPending(layer.id, base.id);
    await using again = await openStore({ directory });
    expect([...again.list()].find(({ id }) => id === layer.id)?.parent).toBe(base.id);
    expect(database.pending()).toEqual([]);
  });

  it("before the rename leaves no row", async () => {
    const { directory, store } = fixture;
    using database = new StoreDatabase(store.layout.database);
    database.markPending(idOf("x"), base.id);
    await using again = await openStore({ directory });
    expect([...again.list()]).toHaveLength(1);
    expect(database.pending()).toEqual([]);
  });

  it("during a deletion leaves files that the next start removes", async () => {
    const { directory } = fixture;
    await mkdir(join(directory, "result-tmp/trash-1/rootfs"), { recursive: true });
    await writeFile(join(directory, "result-tmp/trash-1/rootfs/image.qcow2"), "x");
    await (await openStore({ directory }))[Symbol.asyncDispose]();
    expect(await readdir(join(directory, "result-tmp"))).toEqual([]);
  });

  it("that left a layer without a disk does not prevent the next attempt", async () => {
    const { directory, store } = fixture;
    await mkdir(join(directory, "result", idOf("x")), { recursive: true });
    await writeFile(join(directory, "result", idOf("x"), "log"), "old");
    expect(await store.find(idOf("x"))).toBeUndefined();
    const layer = await makeLayer(store, { id: idOf("x"), parent: base.id, fill: 6 });
    expect(await hasPattern(layer.disk, { fill: 6 })).toBe(true);
    await rm(layer.directory, { recursive: true });
  });
});

async function chainLength(disk: string): Promise<number> {
  const header = await readQcowHeader(disk);
  return header?.backing === undefined ? 1 : 1 + (await chainLength(resolveBacking(disk, header.backing)));
}
