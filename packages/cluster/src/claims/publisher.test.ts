import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseLayerId, noopEmit } from "@ob/core";
import { MemoryStore } from "@ob/core/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type RedisServer, startRedis, until } from "../redis-server.test.helper.ts";
import { LayerStates } from "../redis/layer-states.ts";
import { SharedLayers } from "../shared-layers.test.helper.ts";
import { ClaimKeeper } from "./claim-keeper.ts";
import { Publisher } from "./publisher.ts";

const base = baseLayerId("base");
const owner = "w1 token";
const stack = new AsyncDisposableStack();
let server: RedisServer;
let directory: string;
beforeAll(async () => {
  server = stack.use(await startRedis());
  directory = await mkdtemp(join(tmpdir(), "ob-publisher-"));
  stack.defer(async () => await rm(directory, { recursive: true }));
});
afterAll(async () => await stack.disposeAsync());

/** A publisher of a store with the base layer, whose pushes wait for these gates, each for its own. */
async function publisherWith(gates: readonly PromiseWithResolvers<void>[]) {
  const redis = await server.connect();
  await redis.flushall();
  const states = new LayerStates(redis);
  const store = new MemoryStore({ images: ["base"] });
  await using writer = await store.tryBegin(base);
  await writer?.importBase("base");
  await writer?.commit();
  const transport = new SharedLayers(join(directory, "registry"), { store, images: ["base"] });
  const rest = gates.values();
  transport.beforePublish = async () => await rest.next().value?.promise;
  const keeper = stack.use(new ClaimKeeper(states));
  const publisher = stack.use(new Publisher({ store, states, keeper, transport, emit: noopEmit }));
  await states.want([base], "build");
  await states.claim(base, owner);
  await states.commit(base, owner);
  return { publisher, states };
}

test("a layer that is made again while it is published is pending until its last publication has ended, and all are waited for", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const { publisher, states } = await publisherWith(gates);
  const made = { id: base, owner, parent: undefined };
  publisher.add(made);
  publisher.add(made);
  gates[1].resolve();
  await until(async () => (await states.states([base]))[0]?.kind === "published");
  await until(() => !publisher.isPending(base));
  const first = await Promise.race([publisher.idle().then(() => "idle"), states.now().then(() => "busy")]);
  expect(first).toBe("busy");
  gates[0].resolve();
  await publisher.idle();
});

test("an earlier publication that ends does not hide a later one", async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const { publisher, states } = await publisherWith(gates);
  const made = { id: base, owner, parent: undefined };
  publisher.add(made);
  publisher.add(made);
  gates[0].resolve();
  await until(async () => (await states.states([base]))[0]?.kind === "published");
  await states.now();
  expect(publisher.isPending(base)).toBe(true);
  gates[1].resolve();
  await publisher.idle();
  expect(publisher.isPending(base)).toBe(false);
});
