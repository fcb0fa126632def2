import assert from "node:assert/strict";
import { isObError } from "../../errors.ts";
import type { LayerStep } from "../../ports/layer-notes.ts";
import type { StoreCheck } from "./fixture.ts";
import { begin, idOf, importBase, inAnHour, makeLayer, rejectsWith } from "./store-fixtures.ts";

/** Tags of layers, and the steps that they are the result of. */
export const tagging: Readonly<Record<string, StoreCheck>> = {
  "a layer has the tags that it was given, by name, until they are removed": async ({ store, image }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id });
    assert.deepEqual(store.tags(), []);
    await store.tag(layer.id, ["tools:1", "a"]);
    const found = store.tags().map(({ name, id }) => [name, id]);
    assert.deepEqual(found, [
      ["a", layer.id],
      ["tools:1", layer.id],
    ]);
    assert.deepEqual([await store.untag("a"), await store.untag("a")], [true, false]);
    assert.deepEqual(
      store.tags().map(({ name }) => name),
      ["tools:1"],
    );
  },

  "a tag that another layer has moves": async ({ store, image }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id });
    await store.tag(base.id, ["a"]);
    await store.tag(layer.id, ["a"]);
    assert.deepEqual(
      store.tags().map(({ id }) => id),
      [layer.id],
    );
  },

  "what is not in the store cannot be tagged": async ({ store }) => {
    await rejectsWith("NO_SUCH_LAYER", store.tag(idOf("x"), ["a"]));
    assert.deepEqual(store.tags(), []);
  },

  "pruning keeps a layer with a tag and what it is based on, unless it is told otherwise": async ({
    store,
    image,
  }) => {
    const base = await importBase(store, image);
    const kept = await makeLayer(store, { name: "kept", parent: base.id });
    const leaf = await makeLayer(store, { name: "leaf", parent: kept.id });
    await store.tag(kept.id, ["a"]);
    assert.deepEqual(await store.prune({ before: inAnHour() }), [leaf.id]);
    assert.deepEqual(await store.prune({ before: inAnHour(), tagged: true }), [kept.id, base.id]);
    assert.deepEqual(store.tags(), []);
  },

  "pruning takes only the layers that it is given": async ({ store, image }) => {
    const base = await importBase(store, image);
    const one = await makeLayer(store, { name: "one", parent: base.id });
    await makeLayer(store, { name: "two", parent: base.id });
    assert.deepEqual(await store.prune({ before: inAnHour(), only: new Set([base.id, one.id]) }), [one.id]);
  },

  "a layer with a tag, or one that such a layer is based on, is deleted by force only": async ({
    store,
    image,
  }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id });
    await store.tag(layer.id, ["a", "b"]);
    const names = (error: unknown) => isObError(error, "LAYER_BUSY") && error.data?.["tags"] === "a, b";
    await assert.rejects(store.delete(base.id), names);
    assert.equal([...store.list()].length, 2);
    assert.deepEqual(await store.delete(base.id, { force: true }), [layer.id, base.id]);
    assert.deepEqual(store.tags(), []);
    // A layer that is made again does not get the names back.
    assert.equal((await importBase(store, image)).id, base.id);
    await makeLayer(store, { name: "x", parent: base.id });
    assert.deepEqual(store.tags(), []);
  },

  "(from obuilder:NAME) is the layer with that tag, and its guest that of its base image": async ({
    store,
    image,
  }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id });
    await store.tag(layer.id, ["tools:1"]);
    const found = await store.baseImage("obuilder:tools:1");
    assert.deepEqual(found, { name: "obuilder:tools:1", id: layer.id, present: true, base: base.id });
    const own = await store.guestOf(await store.baseImage(image));
    assert.deepEqual((await store.guestOf(found))?.manifest, own?.manifest);
    await rejectsWith("BASE_IMAGE", store.baseImage("obuilder:tools"));
  },

  "the step that a layer is the result of is recorded, and goes with the layer": async ({ store, image }) => {
    const base = await importBase(store, image);
    const step: LayerStep = { op: "run", heading: "/: (run (shell x))", inputs: { command: "x" } };
    const writer = await begin(store, idOf("x"));
    await writer.createDisk(base.id);
    await writer.commit(step);
    await writer[Symbol.asyncDispose]();
    const { milliseconds, ...recorded } = store.steps().get(idOf("x")) ?? { milliseconds: -1 };
    assert.deepEqual(recorded, step);
    assert.ok(milliseconds >= 0);
    assert.equal(store.steps().get(base.id), undefined);
    await store.delete(idOf("x"));
    assert.equal(store.steps().size, 0);
  },
};
