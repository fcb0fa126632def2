import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseLayerId, type LayerId, noopEmit, type ObError } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { id, type RedisServer, startRedis, until } from "../redis-server.test.helper.ts";
import { keys } from "../redis/keys.ts";
import { LayerStates } from "../redis/layer-states.ts";
import { News } from "../redis/news.ts";
import { SharedLayers } from "../shared-layers.test.helper.ts";
import { ClaimKeeper } from "./claim-keeper.ts";
import { ClusterStore } from "./cluster-store.ts";
import { LocalVersions } from "./local-versions.ts";
import { Publisher } from "./publisher.ts";

let server: RedisServer;
let directory: string;
const stack = new AsyncDisposableStack();
const base = baseLayerId("base");

beforeAll(async () => {
  server = stack.use(await startRedis());
  directory = await mkdtemp(join(tmpdir(), "ob-shared-"));
  stack.defer(async () => await rm(directory, { recursive: true }));
});
afterAll(async () => await stack.disposeAsync());

let count = 0;

/** A worker with a store of its own. The registry is one for all workers of a test. */
async function worker(registry: string) {
  const redis = await server.connect();
  const states = new LayerStates(redis);
  const store = new MemoryStore({ images: ["base"] });
  const transport = new SharedLayers(join(directory, registry), { store, images: ["base"] });
  const keeper = stack.use(new ClaimKeeper(states));
  const publisher = new Publisher({ store, states, keeper, transport, emit: noopEmit });
  const versions = new LocalVersions({ store, states, transport, publisher });
  const news = stack.use(new News(redis));
  const name = `w${++count}`;
  const ports = { worker: name, store, transport, states, keeper, publisher, news, emit: noopEmit };
  const stops: ObError[] = [];
  const chain = (layers: readonly LayerId[], given: readonly LayerId[] = []) =>
    new ClusterStore({
      ports: { ...ports, archive: undefined },
      versions,
      plan: { chain: layers, given: new Set(given), bases: new Map([["base", base]]), since: 0 },
      onStop: (error) => void stops.push(error),
    });
  return { chain, store, states, publisher, transport, stops };
}

/** Names of a test's own, that a build wants. */
async function scene(...names: readonly string[]) {
  const registry = `r${++count}`;
  const ids = names.map((name) => id(`${registry} ${name}`));
  const redis = await server.connect();
  const states = new LayerStates(redis);
  // Each test has a registry of its own, and the base image has one id.
  await redis.del(keys.layer(base), keys.claim(base));
  await states.want([base, ...ids], registry);
  return { registry, ids, states, redis };
}

async function make(store: ClusterStore, layer: LayerId, parent: LayerId | "base") {
  await using writer = await store.tryBegin(layer);
  if (!writer) throw new Error(`${layer} cannot be begun`);
  if (parent === "base") await writer.importBase("base");
  else await writer.createDisk(parent);
  writer.appendLog(Buffer.from(`making ${layer.slice(0, 4)}`));
  await writer.commit();
}

async function text(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all).toString();
}

describe("a chain on a worker", () => {
  test("publishes its layers in order, and others find, fetch and build on them", async () => {
    const { registry, ids, states } = await scene("a", "b");
    const [a, b] = ids as [LayerId, LayerId];
    const first = await worker(registry);
    const chain = first.chain([base, a]);
    await make(chain, base, "base");
    await make(chain, a, base);
    await first.publisher.idle();
    expect(await states.states([base, a])).toMatchObject([{ kind: "published" }, { kind: "published" }]);

    const second = await worker(registry);
    const other = second.chain([b], [base, a]);
    expect(await other.find(a)).toBeDefined();
    expect(await second.store.find(a)).toBeUndefined();
    await make(other, b, a);
    expect(await second.store.find(a)).toBeDefined();
    await second.publisher.idle();
    expect(await states.states([b])).toMatchObject([{ kind: "published" }]);
  });

  test("runs ahead on what is made and not yet published, which others must wait for", async () => {
    const { registry, ids } = await scene("a", "b");
    const [a, b] = ids as [LayerId, LayerId];
    const [first, second] = [await worker(registry), await worker(registry)];
    const pushing = Promise.withResolvers<void>();
    first.transport.beforePublish = async () => await pushing.promise;
    const chain = first.chain([base, a, b]);
    await make(chain, base, "base");
    await make(chain, a, base);
    expect(await chain.find(a)).toBeDefined();
    const other = second.chain([a, b], [base]);
    expect(await other.find(a)).toBeUndefined();
    expect(await other.tryBegin(a)).toBeUndefined();
    const log = text(other.readLog(a));
    // The commit of a layer claims the next one.
    expect(await other.tryBegin(b)).toBeUndefined();
    pushing.resolve();
    expect(await log).toBe(`making ${a.slice(0, 4)}`);
    await until(async () => (await other.find(a)) !== undefined);
    await chain[Symbol.asyncDispose]();
    expect(await other.tryBegin(b)).toBeDefined();
  });

  test("does not keep a layer whose claim another worker has", async () => {
    const { registry, ids, redis, states } = await scene("a");
    const [a] = ids as [LayerId];
    const [first, second] = [await worker(registry), await worker(registry)];
    const chain = first.chain([base, a]);
    await make(chain, base, "base");
    await first.publisher.idle();
    await using writer = await chain.tryBegin(a);
    await writer?.createDisk(base);
    await redis.del(keys.claim(a));
    const other = second.chain([a], [base]);
    await make(other, a, base);
    await second.publisher.idle();
    await expect(writer?.commit()).rejects.toMatchObject({ code: "LAYER_BUSY" });
    await writer?.[Symbol.asyncDispose]();
    expect(await first.store.find(a)).toBeUndefined();
    // What it uses from now on is the version of the other one.
    const later = first.chain([], [base, a]);
    await using scratch = await later.createScratchDisk(a);
    void scratch;
    const [state] = await states.states([a]);
    expect(state).toEqual({ kind: "published", digest: await first.transport.localDigest(a) });
  });

  test("is told when it loses a claim", async () => {
    const { registry, ids, redis, states } = await scene("a");
    const [a] = ids as [LayerId];
    const first = await worker(registry);
    await using chain = first.chain([a], [base]);
    await chain.claims.take(a);
    await redis.del(keys.claim(a));
    await states.claim(a, "other token");
    await until(() => first.stops.length > 0);
    expect(first.stops).toMatchObject([{ code: "LAYER_BUSY" }]);
  });

  test("replaces a version of its own by that of the cluster, and never mixes them", async () => {
    const { registry, ids, states } = await scene("a", "b");
    const [a, b] = ids as [LayerId, LayerId];
    const [first, second] = [await worker(registry), await worker(registry)];
    const chain = first.chain([base, a]);
    await make(chain, base, "base");
    await make(chain, a, base);
    await first.publisher.idle();
    // The second has layers of the same ids from builds of its own.
    for (const [layer, parent] of [[base], [a, base], [b, a]] as const) {
      await using writer = await second.store.tryBegin(layer);
      if (parent) await writer?.createDisk(parent);
      else await writer?.importBase("base");
      await writer?.commit();
    }
    const other = second.chain([b], [base, a]);
    await make(other, b, a);
    await second.publisher.idle();
    const [inA, inB] = await states.states([a, b]);
    if (inA?.kind !== "published" || inB?.kind !== "published") throw new Error("they are not published");
    expect(await second.transport.parentOf(b, inB.digest)).toEqual({ id: a, digest: inA.digest });
  });

  test("builds again what the registry has lost", async () => {
    const { registry, ids, states } = await scene("a");
    const [a] = ids as [LayerId];
    const [first, second] = [await worker(registry), await worker(registry)];
    const chain = first.chain([base, a]);
    await make(chain, base, "base");
    await make(chain, a, base);
    await first.publisher.idle();
    await first.transport.forget(a);
    const other = second.chain([], [base, a]);
    await expect(other.createScratchDisk(a)).rejects.toMatchObject({ code: "NO_SUCH_LAYER" });
    expect(await states.states([a])).toMatchObject([{ kind: "absent" }]);
  });

  test("pushes again when the registry is back, and goes on meanwhile", async () => {
    const { registry, ids, states } = await scene("a");
    const [a] = ids as [LayerId];
    const first = await worker(registry);
    let tries = 0;
    first.transport.beforePublish = () => {
      if (tries++ < 2) throw new Error("connection refused");
    };
    const chain = first.chain([base, a]);
    await make(chain, base, "base");
    await make(chain, a, base);
    await first.publisher.idle();
    expect(tries).toBe(4);
    expect(await states.states([base, a])).toMatchObject([{ kind: "published" }, { kind: "published" }]);
  });

  test("builds nothing that its plan does not have", async () => {
    const { registry, ids } = await scene("a");
    const [a] = ids as [LayerId];
    const first = await worker(registry);
    const chain = first.chain([base]);
    await expect(chain.tryBegin(a)).rejects.toMatchObject({ code: "STORE" });
    await expect(chain.baseImage("other")).rejects.toMatchObject({ code: "STORE" });
  });
});

test("claims outlive an event loop that is busy for three seconds", async () => {
  const { registry, ids, states } = await scene("a");
  const [a] = ids as [LayerId];
  const first = await worker(registry);
  await using chain = first.chain([a], [base]);
  await chain.claims.take(a);
  const end = performance.now() + 3_000;
  while (performance.now() < end);
  expect(await states.states([a])).toEqual([{ kind: "claimed" }]);
  await new Promise((resolve) => {
    setTimeout(resolve, 3_000);
  });
  expect(await states.states([a])).toEqual([{ kind: "claimed" }]);
  expect(first.stops).toEqual([]);
});
