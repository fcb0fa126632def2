import assert from "node:assert/strict";
import { access, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoreCheck } from "./fixture.ts";
import { idOf, importBase, makeLayer, rejectsWith } from "./store-fixtures.ts";

/** Cases of store.ts: scratch disks and exports. */
export const scratchDisks: Readonly<Record<string, StoreCheck>> = {
  "a layer with a scratch disk is not deleted, nor are its parents": async ({ store, image }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id });
    const disks = [await store.createScratchDisk(layer.id), await store.createScratchDisk(layer.id)];
    assert.notEqual(disks[0]?.disk, disks[1]?.disk);
    for (const scratch of disks) {
      assert.equal(scratch.layer, layer.id);
      await rejectsWith("LAYER_BUSY", store.delete(base.id));
      await scratch[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    }
    assert.deepEqual(await store.delete(base.id), [layer.id, base.id]);
  },

  "a scratch disk on a missing layer is NO_SUCH_LAYER": async ({ store }) => {
    await rejectsWith("NO_SUCH_LAYER", store.createScratchDisk(idOf("x")));
  },

  "creating a scratch disk with a signal that has fired is CANCELLED, and holds nothing": async ({
    store,
    image,
  }) => {
    const base = await importBase(store, image);
    await rejectsWith("CANCELLED", store.createScratchDisk(base.id, AbortSignal.abort()));
    assert.deepEqual(await store.delete(base.id), [base.id]);
  },

  "a layer is exported to one new file": async ({ store, image }) => {
    const base = await importBase(store, image);
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "disk.qcow2");
    await store.export(base.id, { path });
    assert.ok((await readFile(path)).length > 0);
    assert.deepEqual(await readdir(directory.path), ["disk.qcow2"]);
  },

  "an export replaces a file only where that is asked for": async ({ store, image }) => {
    const base = await importBase(store, image);
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "disk.qcow2");
    await writeFile(path, "mine");
    await rejectsWith("USAGE", store.export(base.id, { path }));
    assert.equal(await readFile(path, "utf8"), "mine");
    await store.export(base.id, { path, overwrite: true });
    assert.notEqual(await readFile(path, "utf8"), "mine");
  },

  "an export that cannot be made leaves nothing": async ({ store, image }) => {
    const base = await importBase(store, image);
    await using directory = await temporaryDirectory();
    const path = join(directory.path, "disk.qcow2");
    await rejectsWith("NO_SUCH_LAYER", store.export(idOf("x"), { path }));
    await rejectsWith("CANCELLED", store.export(base.id, { path, signal: AbortSignal.abort() }));
    await rejectsWith("USAGE", store.export(base.id, { path: join(directory.path, "no", "disk.qcow2") }));
    await assert.rejects(access(path));
    assert.deepEqual(await readdir(directory.path), []);
  },
};

async function temporaryDirectory(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), "ob-export-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
