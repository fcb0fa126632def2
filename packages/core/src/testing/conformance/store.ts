import assert from "node:assert/strict";
import { sha256 } from "../../digest.ts";
import type { LayerId } from "../../layer-id.ts";
import type { ConformanceCase } from "./case.ts";
import type { StoreCheck, StoreFixture } from "./fixture.ts";
import { scratchDisks } from "./store-scratch.ts";
import { sharing } from "./store-sharing.ts";
import { recording } from "./store-builds.ts";
import { begin, idOf, importBase, inAnHour, makeLayer, rejectsWith, textOf } from "./store-fixtures.ts";

/** What every `Store` does. */
export function storeConformance(makeFixture: () => Promise<StoreFixture>): readonly ConformanceCase[] {
  return Object.entries({
    ...making,
    ...logs,
    ...removing,
    ...scratchDisks,
    ...sharing,
    ...recording,
  }).map(([name, check]) => ({
    name,
    run: async () => {
      await using fixture = await makeFixture();
      await check(fixture);
    },
  }));
}

const making: Readonly<Record<string, StoreCheck>> = {
  "a base image has the id of its name": async ({ store, image }) => {
    assert.deepEqual(await store.baseImage(image), { name: image, id: sha256(image), present: true });
  },

  "a missing base image has an id, too, and comes with the names of the others": async ({ store, image }) => {
    const missing = await store.baseImage("no-such");
    const { name, id, present, others } = missing;
    assert.deepEqual({ name, id, present }, { name: "no-such", id: sha256("no-such"), present: false });
    assert.ok(others?.includes(image));
    assert.equal(await store.guestOf(missing), undefined);
  },

  "the guest of an image is known before and after its import": async ({ store, image }) => {
    const before = await store.guestOf(await store.baseImage(image));
    await importBase(store, image);
    const after = await store.guestOf(await store.baseImage(image));
    assert.ok(before && after);
    assert.deepEqual(after.manifest, before.manifest);
  },

  "importing a missing base image is BASE_IMAGE": async ({ store }) => {
    await using writer = await begin(store, idOf("x"));
    await rejectsWith("BASE_IMAGE", writer.importBase("no-such"));
  },

  "an imported base image is a layer without parent and environment": async ({ store, image }) => {
    const base = await importBase(store, image);
    assert.deepEqual(await store.find(base.id), base);
    assert.deepEqual((await store.baseInfo(base.id)).environment, []);
    const [record, ...rest] = store.list();
    assert.deepEqual(rest, []);
    assert.equal(record?.id, base.id);
    assert.equal(record.parent, undefined);
    assert.equal(record.dependents, 0);
  },

  "a layer that was never made is not found, and is not a base layer": async ({ store, image }) => {
    assert.equal(await store.find(idOf("x")), undefined);
    await rejectsWith("NO_SUCH_LAYER", store.baseInfo(idOf("x")));
    const base = await importBase(store, image);
    const child = await makeLayer(store, { name: "child", parent: base.id });
    await rejectsWith("NO_SUCH_LAYER", store.baseInfo(child.id));
  },

  "a layer appears with its commit, not before": async ({ store, image }) => {
    const base = await importBase(store, image);
    await using writer = await begin(store, idOf("child"));
    await writer.createDisk(base.id);
    assert.equal(await store.find(writer.id), undefined);
    const layer = await writer.commit();
    assert.deepEqual(await store.find(writer.id), layer);
    const record = [...store.list()].find(({ id }) => id === layer.id);
    assert.equal(record?.parent, base.id);
  },

  "of several callers that begin a layer one gets a writer": async ({ store }) => {
    const writers = await Promise.all(Array.from({ length: 8 }, () => store.tryBegin(idOf("x"))));
    const granted = writers.filter((writer) => writer !== undefined);
    assert.equal(granted.length, 1);
    await granted[0]?.[Symbol.asyncDispose]();
  },

  "a layer whose writer is disposed of can be begun again, and is not kept": async ({ store, image }) => {
    const base = await importBase(store, image);
    const first = await begin(store, idOf("x"));
    await first.createDisk(base.id);
    assert.equal(await store.tryBegin(idOf("x")), undefined);
    await first[Symbol.asyncDispose]();
    await first[Symbol.asyncDispose]();
    assert.equal(await store.find(idOf("x")), undefined);
    assert.equal([...store.list()].length, 1);
    await (await begin(store, idOf("x")))[Symbol.asyncDispose]();
  },

  "a disk on a layer that is not there is NO_SUCH_LAYER": async ({ store }) => {
    await using writer = await begin(store, idOf("x"));
    await rejectsWith("NO_SUCH_LAYER", writer.createDisk(idOf("y")));
  },

  "a signal that has fired is CANCELLED, and the writer can be disposed of": async ({ store, image }) => {
    const base = await importBase(store, image);
    const signal = AbortSignal.abort();
    await using writer = await begin(store, idOf("x"));
    await rejectsWith("CANCELLED", writer.importBase(image, signal));
    await rejectsWith("CANCELLED", writer.createDisk(base.id, signal));
  },

  "using a layer is recorded": async ({ store, image }) => {
    const base = await importBase(store, image);
    const before = [...store.list()][0]?.lastUsed.getTime() ?? Number.NaN;
    store.recordUse(base.id);
    store.recordUse(idOf("no such layer"));
    const records = [...store.list()];
    assert.equal(records.length, 1);
    assert.ok((records[0]?.lastUsed.getTime() ?? Number.NaN) >= before);
  },
};

const logs: Readonly<Record<string, StoreCheck>> = {
  "the log of a finished layer is what was appended": async ({ store, image }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id, log: ["one\n", "two\n"] });
    assert.equal(await textOf(store.readLog(layer.id)), "one\ntwo\n");
  },

  "the log of a failed layer can be read": async ({ store }) => {
    const writer = await begin(store, idOf("x"));
    writer.appendLog(Buffer.from("no luck\n"));
    await writer[Symbol.asyncDispose]();
    assert.equal(await textOf(store.readLog(idOf("x"))), "no luck\n");
  },

  "a layer is unfinished from its begin to its commit, and stays so if it fails": async ({
    store,
    image,
  }) => {
    const base = await importBase(store, image);
    const failed = await begin(store, idOf("failed"));
    await failed[Symbol.asyncDispose]();
    const writer = await begin(store, idOf("x"));
    assert.deepEqual(new Set(await store.unfinished()), new Set([idOf("failed"), idOf("x")]));
    await writer.createDisk(base.id);
    await writer.commit();
    assert.deepEqual(await store.unfinished(), [idOf("failed")]);
  },

  "a layer that was never begun has no log": async ({ store }) => {
    await rejectsWith("NO_SUCH_LAYER", textOf(store.readLog(idOf("x"))));
  },

  "the log of an unfinished layer is followed across the commit to its end": async ({ store, image }) => {
    const base = await importBase(store, image);
    const writer = await begin(store, idOf("x"));
    writer.appendLog(Buffer.from("a"));
    const reader = store.readLog(writer.id)[Symbol.asyncIterator]();
    const first = await reader.next();
    assert.equal(Buffer.from(first.value ?? []).toString(), "a");
    await writer.createDisk(base.id);
    writer.appendLog(Buffer.from("b"));
    await writer.commit();
    await writer[Symbol.asyncDispose]();
    assert.equal(await textOf({ [Symbol.asyncIterator]: () => reader }), "b");
  },

  "following a log ends with CANCELLED when its signal fires": async ({ store }) => {
    await using writer = await begin(store, idOf("x"));
    writer.appendLog(Buffer.from("a"));
    const stop = new AbortController();
    const following = textOf(store.readLog(writer.id, stop.signal), () => stop.abort());
    await rejectsWith("CANCELLED", following);
  },

  "beginning a finished layer leaves its log alone": async ({ store, image }) => {
    const base = await importBase(store, image);
    const layer = await makeLayer(store, { name: "x", parent: base.id, log: ["kept"] });
    await (await begin(store, layer.id))[Symbol.asyncDispose]();
    assert.equal(await textOf(store.readLog(layer.id)), "kept");
  },
};

const removing: Readonly<Record<string, StoreCheck>> = {
  "deleting a layer deletes all that depend on it, dependents first": async ({ store, image }) => {
    const base = await importBase(store, image);
    const left = await makeLayer(store, { name: "left", parent: base.id });
    const leaf = await makeLayer(store, { name: "leaf", parent: left.id });
    const right = await makeLayer(store, { name: "right", parent: base.id });
    const reported: LayerId[] = [];
    const gone = await store.delete(left.id, { onDelete: (id) => reported.push(id) });
    assert.deepEqual(gone, [leaf.id, left.id]);
    assert.deepEqual(reported, gone);
    assert.equal(await store.find(leaf.id), undefined);
    assert.deepEqual(new Set([...store.list()].map(({ id }) => id)), new Set([base.id, right.id]));
    assert.equal([...store.list()].find(({ id }) => id === base.id)?.dependents, 1);
  },

  "deleting what is not there is NO_SUCH_LAYER": async ({ store }) => {
    await rejectsWith("NO_SUCH_LAYER", store.delete(idOf("x")));
  },

  "nothing is deleted while one of the layers is in use": async ({ store, image }) => {
    const base = await importBase(store, image);
    const parent = await makeLayer(store, { name: "parent", parent: base.id });
    const writer = await begin(store, idOf("child"));
    await writer.createDisk(parent.id);
    await rejectsWith("LAYER_BUSY", store.delete(base.id));
    assert.equal([...store.list()].length, 2);
    await writer[Symbol.asyncDispose]();
    assert.deepEqual(await store.delete(base.id), [parent.id, base.id]);
  },

  "a deleted layer can be made again": async ({ store, image }) => {
    const base = await importBase(store, image);
    await makeLayer(store, { name: "x", parent: base.id });
    await store.delete(base.id);
    assert.equal((await importBase(store, image)).id, base.id);
    await makeLayer(store, { name: "x", parent: base.id, log: ["again"] });
    assert.equal(await textOf(store.readLog(idOf("x"))), "again");
  },

  "pruning takes leaves first, and no more than the limit": async ({ store, image }) => {
    const base = await importBase(store, image);
    const middle = await makeLayer(store, { name: "middle", parent: base.id });
    const leaf = await makeLayer(store, { name: "leaf", parent: middle.id });
    assert.deepEqual(await store.prune({ before: inAnHour(), limit: 1 }), [leaf.id]);
    assert.deepEqual(await store.prune({ before: inAnHour() }), [middle.id, base.id]);
    assert.deepEqual([...store.list()], []);
  },

  "pruning leaves what was used since, and what is in use": async ({ store, image }) => {
    const base = await importBase(store, image);
    const kept = await makeLayer(store, { name: "kept", parent: base.id });
    assert.deepEqual(await store.prune({ before: new Date(0) }), []);
    assert.deepEqual([...(await store.inUse())], []);
    await using writer = await begin(store, idOf("child"));
    await writer.createDisk(kept.id);
    assert.deepEqual([...(await store.inUse())], [kept.id]);
    assert.deepEqual(await store.prune({ before: inAnHour() }), []);
    assert.equal([...store.list()].length, 2);
  },
};
