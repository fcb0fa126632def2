import { renameSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Layer, type LayerId, run, within } from "@ob/core";
import { tryLock } from "@ob/qcow2";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { StoreDatabase } from "../db/database.ts";
import { writeOriginalStore } from "../original.test.helper.ts";
import { openStore } from "../store.ts";
import {
  idOf,
  importBase,
  makeImage,
  makeLayer,
  type TemporaryStore,
  temporaryStore,
} from "../temporary-store.test.helper.ts";

let here: TemporaryStore;
let base: Layer;
let parent: Layer;
const future = () => new Date(Date.now() + 60_000);

/** A base layer and a layer on it. */
beforeEach(async () => {
  here = await temporaryStore();
  await makeImage(here.image("base"));
  base = await importBase(here.store, "base");
  parent = await makeLayer(here.store, { id: idOf("parent"), parent: base.id });
});
afterEach(async () => await here[Symbol.asyncDispose]());

/** What a process that ends between the two leaves: the layer is published, and its row is not written. */
function loseRow(id: LayerId, above: LayerId): void {
  using database = new StoreDatabase(here.store.layout.database);
  database.remove([id]);
  database.markPending(id, above);
}

const ids = () => [...here.store.list()].map(({ id }) => id);

describe("a deletion beside what adds layers", () => {
  it("never takes the parent of a layer that is committed meanwhile", async () => {
    const { store } = here;
    const child = idOf("child");
    await using writer = await store.tryBegin(child);
    if (!writer) throw new Error("another caller makes it");
    await writer.createDisk(parent.id);
    // Least recently used, so that it is the first to go.
    const first = await makeLayer(store, { id: idOf("first"), parent: base.id });
    using database = new StoreDatabase(store.layout.database);
    database.recordUse([parent.id, base.id]);
    let committing: Promise<Layer> | undefined;
    const gone = await store.prune({
      before: future(),
      onDelete: () => void (committing ??= writer.commit()),
    });
    const { disk } = (await committing) ?? { disk: "" };
    expect(gone).toContain(first.id);
    expect(gone).not.toContain(parent.id);
    expect(new Set(ids())).toEqual(new Set([base.id, parent.id, child]));
    await run(["qemu-img", "check", "-q", "-f", "qcow2", disk]);
  });

  it("takes a layer whose row is missing with the layer that it depends on", async () => {
    loseRow(parent.id, base.id);
    expect(await here.store.delete(base.id)).toEqual([parent.id, base.id]);
    expect(await here.store.find(parent.id)).toBeUndefined();
  });

  it("prunes a layer whose row is missing before the layer that it depends on", async () => {
    loseRow(parent.id, base.id);
    const gone = await here.store.prune({ before: future(), limit: 1 });
    expect(gone).toEqual([parent.id]);
    expect(ids()).toEqual([base.id]);
  });

  it("leaves no row of a layer that is looked up while it goes", async () => {
    const { layout } = here.store;
    loseRow(parent.id, base.id);
    const gate = await tryLock(within(layout.locks, "gate"), "exclusive");
    const found = here.store.find(parent.id);
    // As a deletion does, which holds the gate.
    renameSync(parent.directory, join(layout.temporary, "trash-1"));
    gate?.release();
    expect(await found).toBeUndefined();
    using database = new StoreDatabase(layout.database);
    expect(database.has(parent.id)).toBe(false);
  });
});

it("a missing layer can be made again while its former dependent is being made", async () => {
  const { store } = here;
  const child = await makeLayer(store, { id: idOf("child"), parent: parent.id });
  await rm(child.directory, { recursive: true });
  await rm(parent.directory, { recursive: true });
  await using writer = await store.tryBegin(child.id);
  await expect(writer?.createDisk(parent.id)).rejects.toMatchObject({
    code: "NO_SUCH_LAYER",
    data: { layer: parent.id },
  });
  await makeLayer(store, { id: parent.id, parent: base.id });
  await writer?.createDisk(parent.id);
  await writer?.commit();
  const parents = new Map([...store.list()].map(({ id, parent: above }) => [id, above]));
  expect(parents.get(parent.id)).toBe(base.id);
  expect(parents.get(child.id)).toBe(parent.id);
});

describe("a layer that is deleted while its backing chain is read", () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "ob-original-"));
  });
  afterEach(async () => await rm(directory, { recursive: true, force: true }));

  it.each(["createDisk", "createScratchDisk", "export", "holdLayer", "tag"] as const)(
    "%s finds no such layer, and no missing file",
    async (use) => {
      const { grandchild } = await writeOriginalStore(join(directory, "old"));
      await rename(join(directory, "old"), join(directory, "new"));
      const results = join(directory, "new", "result");
      let isDeleted = false;
      await using store = await openStore({
        directory: join(directory, "new"),
        // The first program that repairs the chain of the moved store.
        emit: ({ type }) => {
          if (type !== "exec" || isDeleted) return;
          isDeleted = true;
          renameSync(join(results, grandchild), join(directory, "gone"));
        },
      });
      await using writer = await store.tryBegin(idOf("new"));
      const uses = {
        createDisk: async () => await writer?.createDisk(grandchild),
        createScratchDisk: async () => await store.createScratchDisk(grandchild),
        export: async () => await store.export(grandchild, { path: join(directory, "disk.qcow2") }),
        holdLayer: async () => await store.holdLayer(grandchild),
        tag: async () => await store.tag(grandchild, ["x"]),
      };
      await expect(uses[use]()).rejects.toMatchObject({
        code: "NO_SUCH_LAYER",
        data: { layer: grandchild },
      });
      expect(isDeleted).toBe(true);
    },
  );
});
