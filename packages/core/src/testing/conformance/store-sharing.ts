import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { sha256 } from "../../digest.ts";
import { noSpaceError } from "../../errors.ts";
import type { StoreCheck } from "./fixture.ts";
import { begin, idOf, importBase, makeLayer, rejectsWith } from "./store-fixtures.ts";

/** Cases of store.ts: what stores give to each other. */
export const sharing: Readonly<Record<string, StoreCheck>> = {
  "a held layer comes with the disks that it depends on, and their digests": async ({ store, image }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id, log: ["done"] });
    await using held = await store.holdLayer(layer.id);
    assert.deepEqual(
      held?.chain.map((disk) => [disk.layer, disk.disk]),
      [base, layer].map(({ id, disk }) => [id, disk]),
    );
    for (const disk of held.chain) {
      assert.match(disk.digest, /^[0-9a-f]{64}$/);
      assert.deepEqual(await store.layerDigests(disk.layer), [disk.digest]);
      assert.ok(disk.size > 0);
    }
    assert.ok(held.log);
  },

  "a held layer is not deleted, nor are its parents": async ({ store, image }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id });
    const held = [await store.holdLayer(layer.id), await store.holdLayer(layer.id)];
    for (const each of held) {
      await rejectsWith("LAYER_BUSY", store.delete(base.id));
      await each?.[Symbol.asyncDispose]();
      await each?.[Symbol.asyncDispose]();
    }
    assert.deepEqual(await store.delete(base.id), [layer.id, base.id]);
  },

  "a layer that is not there cannot be held, and has no digest": async ({ store, image }) => {
    await rejectsWith("NO_SUCH_LAYER", store.holdLayer(idOf("x")));
    assert.deepEqual(await store.layerDigests(idOf("x")), []);
    const base = await importBase(store, image);
    await rejectsWith("CANCELLED", store.holdLayer(base.id, AbortSignal.abort()));
    assert.deepEqual(await store.delete(base.id), [base.id]);
  },

  "an import is refused if its bytes are others, or its parent is missing, and leaves nothing": async ({
    store,
    image,
  }) => {
    const base = await importBase(store, image);
    {
      await using writer = await begin(store, idOf("x"));
      const write = (path: string) => writeFile(path, "text");
      const imported = { parent: base.id, digest: sha256("other"), write };
      await rejectsWith("STORE", writer.importLayer(imported));
      await rejectsWith("NO_SUCH_LAYER", writer.importLayer({ ...imported, parent: idOf("none") }));
      const fails = () => Promise.reject(noSpaceError("full"));
      await rejectsWith("NO_SPACE", writer.importLayer({ ...imported, write: fails }));
    }
    assert.equal(await store.find(idOf("x")), undefined);
  },
};
