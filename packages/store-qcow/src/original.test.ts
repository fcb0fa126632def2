import { cp, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { run } from "@ob/core";
import { readQcowHeader } from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type OriginalStore, originalImage, writeOriginalStore } from "./original.test.helper.ts";
import { openStore } from "./store.ts";
import { hasPattern, idOf, logOf, makeImage, makeLayer } from "./temporary-store.test.helper.ts";

let parent: string;
let directory: string;
let original: OriginalStore;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "ob-original-"));
  directory = join(parent, "store");
  original = await writeOriginalStore(directory);
});

afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

async function expectWholeChain(disk: string): Promise<void> {
  expect(await hasPattern(disk, { fill: 1 })).toBe(true);
  expect(await hasPattern(disk, { fill: 2, offset: 1 << 20 })).toBe(true);
  expect(await hasPattern(disk, { fill: 3, offset: 2 << 20 })).toBe(true);
}

const backingOf = async (id: string): Promise<string | undefined> =>
  (await readQcowHeader(join(directory, "result", id, "rootfs", "image.qcow2")))?.backing;

describe("a store of the original", () => {
  it("has its layers, dates, logs and environment", async () => {
    await using store = await openStore({ directory });
    expect(await store.baseImage(originalImage)).toEqual({
      name: originalImage,
      id: original.base,
      present: true,
    });
    const records = [...store.list()];
    expect(records.map(({ id, dependents }) => [id, dependents])).toEqual([
      [original.base, 1],
      [original.child, 1],
      [original.grandchild, 0],
    ]);
    expect(records[1]?.parent).toBe(original.base);
    expect(records[0]?.lastUsed).toEqual(new Date("2023-05-02T10:00:00Z"));
    expect((await store.baseInfo(original.base)).environment).toEqual([
      ["LANG", "C"],
      ["GREETING", "hello world"],
    ]);
    expect(await logOf(store, original.child)).toBe("built by the original\n");
    expect(await logOf(store, original.grandchild)).toBe("");
  });

  it("is not changed by reading it", async () => {
    await using store = await openStore({ directory });
    await store.baseImage(originalImage);
    for (const id of Object.values(original)) expect((await store.find(id))?.id).toBe(id);
    expect(await backingOf(original.base)).toBe(join(directory, "base-image", `${originalImage}.qcow2`));
    expect(await backingOf(original.child)).toContain(join(directory, "result", original.base));
  });

  it("can be built on, and the original can still read the new layers", async () => {
    await using store = await openStore({ directory });
    const layer = await makeLayer(store, { id: idOf("ours"), parent: original.grandchild, fill: 4 });
    expect(await hasPattern(layer.disk, { fill: 4 })).toBe(true);
    using database = new DatabaseSync(join(directory, "state/db/db.sqlite"), { readOnly: true });
    const rows = database.prepare("SELECT id, rc, parent FROM builds WHERE id IN (?, ?)");
    expect(rows.all(layer.id, original.grandchild)).toEqual(
      expect.arrayContaining([
        { id: layer.id, rc: 0, parent: original.grandchild },
        { id: original.grandchild, rc: 1, parent: original.child },
      ]),
    );
    const columns = database.prepare("SELECT name FROM pragma_table_info('builds')").all();
    expect(columns.map(({ name }) => name)).toEqual(["id", "created", "used", "rc", "parent"]);
  });

  it("keeps its base image's contents below new layers, whatever happens to the file", async () => {
    await using store = await openStore({ directory });
    await store.baseImage(originalImage);
    const layer = await makeLayer(store, {
      id: idOf("ours"),
      parent: original.grandchild,
      fill: 4,
      offset: 3 << 20,
    });
    await makeImage(join(directory, "base-image", `${originalImage}.qcow2`), { size: "64M", fill: 99 });
    await expectWholeChain(layer.disk);
    expect((await store.baseImage(originalImage)).id).not.toBe(original.base);
  });

  it("is repaired after it was moved", async () => {
    const moved = join(parent, "elsewhere");
    await rename(directory, moved);
    directory = moved;
    await using store = await openStore({ directory });
    const layer = await makeLayer(store, {
      id: idOf("ours"),
      parent: original.grandchild,
      fill: 4,
      offset: 3 << 20,
    });
    await expectWholeChain(layer.disk);
    expect(await backingOf(original.grandchild)).toBe(`../../../result/${original.child}/rootfs/image.qcow2`);
    expect(await backingOf(original.base)).toBe("base.qcow2");
  });

  it("does not depend on the store that it was copied from", async () => {
    const copy = join(parent, "copy");
    await cp(directory, copy, { recursive: true });
    const old = directory;
    directory = copy;
    await using store = await openStore({ directory });
    const layer = await makeLayer(store, {
      id: idOf("ours"),
      parent: original.grandchild,
      fill: 4,
      offset: 3 << 20,
    });
    await rm(old, { recursive: true });
    await expectWholeChain(layer.disk);
    expect(await backingOf(original.base)).toBe("base.qcow2");
  });

  it("reports which backing file is missing", async () => {
    await rm(join(directory, "result", original.child), { recursive: true });
    await using store = await openStore({ directory });
    await using writer = await store.tryBegin(idOf("ours"));
    await expect(writer?.createDisk(original.grandchild)).rejects.toMatchObject({
      code: "STORE",
      message: expect.stringContaining(original.child),
      data: { layer: expect.any(String) },
    });
  });
});

describe("a layer's disk that refers to files outside of the store", () => {
  const diskOf = (id: string): string => join(directory, "result", id, "rootfs/image.qcow2");
  const outside = (): string => join(parent, "outside.qcow2");

  /** Changes the layer's backing file to any path. */
  async function rebased(backing: string): Promise<void> {
    await run([
      "qemu-img",
      "rebase",
      "-u",
      "-f",
      "qcow2",
      "-F",
      "qcow2",
      "-b",
      backing,
      diskOf(original.child),
    ]);
  }

  it.each<[string, () => string]>([
    ["by an absolute path", outside],
    ["by a relative path", () => "../../../../outside.qcow2"],
    [
      "by another path that ends like a layer's",
      () => join(parent, "x/result", "0".repeat(64), "rootfs/image.qcow2"),
    ],
    ["by another path that ends like an image's", () => join(parent, "x/base-image/other.qcow2")],
    ["by a protocol", () => "nbd:localhost:1"],
    [
      "by json:",
      () => `json:${JSON.stringify({ driver: "qcow2", file: { driver: "file", filename: outside() } })}`,
    ],
  ])("%s is rejected", async (_, name) => {
    await makeImage(outside(), { size: "64M", fill: 9 });
    for (const copy of [`x/result/${"0".repeat(64)}/rootfs/image.qcow2`, "x/base-image/other.qcow2"]) {
      await cp(outside(), join(parent, copy), { recursive: true });
    }
    await rebased(name());
    await using store = await openStore({ directory });
    await using writer = await store.tryBegin(idOf("ours"));
    await expect(writer?.createDisk(original.grandchild)).rejects.toMatchObject({ code: "STORE" });
    await expect(store.createScratchDisk(original.child)).rejects.toMatchObject({ code: "STORE" });
    const exported = store.export(original.child, { path: join(parent, "exported") });
    await expect(exported).rejects.toMatchObject({ code: "STORE" });
  });

  it("through the base image below it is rejected", async () => {
    const image = join(directory, "base-image", `${originalImage}.qcow2`);
    await makeImage(outside(), { size: "64M", fill: 9 });
    await run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", outside(), image]);
    await using store = await openStore({ directory });
    await using writer = await store.tryBegin(idOf("ours"));
    await expect(writer?.createDisk(original.grandchild)).rejects.toMatchObject({
      code: "BASE_IMAGE",
      message: expect.stringContaining("backing file"),
    });
  });

  it("is not one whose store is reached through a link", async () => {
    const linked = join(parent, "linked");
    await symlink(directory, linked);
    await using store = await openStore({ directory: linked });
    const layer = await makeLayer(store, {
      id: idOf("ours"),
      parent: original.grandchild,
      fill: 4,
      offset: 3 << 20,
    });
    await expectWholeChain(layer.disk);
  });
});

describe("if result/ and the database differ", () => {
  it("a layer without a row is added to the database when it is used, and so are its parents", async () => {
    await rm(join(directory, "state"), { recursive: true });
    await using store = await openStore({ directory });
    expect([...store.list()]).toEqual([]);
    expect(await store.find(original.grandchild)).toBeDefined();
    expect(new Map(Array.from(store.list(), ({ id, parent: under }) => [id, under]))).toEqual(
      new Map([
        [original.base, undefined],
        [original.child, original.base],
        [original.grandchild, original.child],
      ]),
    );
    expect(await store.delete(original.base)).toEqual([original.grandchild, original.child, original.base]);
  });

  it("a row without a layer is not a layer, and pruning removes it", async () => {
    await rm(join(directory, "result", original.grandchild), { recursive: true });
    await using store = await openStore({ directory });
    expect(await store.find(original.grandchild)).toBeUndefined();
    expect(Array.from(store.list(), ({ id }) => id)).toEqual([original.base, original.child]);
    const gone = await store.prune({ before: new Date(), limit: 2 });
    expect(gone).toEqual([original.grandchild, original.child]);
  });

  it("the dependents of a lost layer are removed when the layer is made again", async () => {
    await rm(join(directory, "result", original.child), { recursive: true });
    await using store = await openStore({ directory });
    await makeLayer(store, { id: original.child, parent: original.base, fill: 7 });
    expect(await store.find(original.grandchild)).toBeUndefined();
    expect(Array.from(store.list(), ({ id }) => id).toSorted()).toEqual(
      [original.base, original.child].toSorted(),
    );
  });
});
