import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { baseLayerId, noopEmit } from "@ob/core";
import { MemoryStore, storeConformance } from "@ob/core/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { id, type RedisServer, startRedis } from "../redis-server.test.helper.ts";
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

const cases = storeConformance(async () => {
  await using opened = new AsyncDisposableStack();
  const redis = await server.connect();
  await redis.flushall();
  const states = new LayerStates(redis);
  const own = new MemoryStore({ images: ["base"] });
  const transport = new SharedLayers(join(directory, `r${++count}`), { store: own, images: ["base"] });
  // Only until a layer is published are its files surely those of this store.
  const held = Promise.withResolvers<void>();
  transport.beforePublish = async () => await held.promise;
  const keeper = opened.use(new ClaimKeeper(states));
  const publisher = opened.use(new Publisher({ store: own, states, keeper, transport, emit: noopEmit }));
  opened.defer(() => held.resolve());
  const versions = new LocalVersions({ store: own, states, transport, publisher });
  const news = opened.use(new News(redis));
  const ports = { worker: "w1", store: own, transport, archive: undefined, states, keeper, publisher, news };
  const chain = [base, ...layers.map((name) => id(`layer ${name}`))];
  await states.want(chain, "build");
  const store = opened.use(
    new ClusterStore({
      ports: { ...ports, emit: noopEmit },
      versions,
      plan: { chain, given: new Set(), bases: new Map([["base", base]]), since: 0 },
      onStop: () => undefined,
    }),
  );
  const owned = opened.move();
  return { store, image: "base", [Symbol.asyncDispose]: async () => await owned.disposeAsync() };
});
const layers = [
  "x",
  "y",
  "child",
  "left",
  "leaf",
  "right",
  "parent",
  "middle",
  "kept",
  "one",
  "two",
  "failed",
];

/** What is otherwise for a chain on a worker, and why. */
const otherwise = new Map([
  ["a missing base image has an id, too, and comes with the names of the others", "the plan has all images"],
  ["(from obuilder:NAME) is the layer with that tag, and its guest that of its base image", "likewise"],
  ["the log of a failed layer can be read", "it is open until the chain says how the step has failed"],
  ["the log of an unfinished layer is followed across the commit to its end", "it ends with the publication"],
  ["beginning a finished layer leaves its log alone", "what is made is not begun again"],
]);

test.each(cases.filter(({ name }) => !otherwise.has(name)))("$name", async ({ run }) => {
  await expect(run()).resolves.toBeUndefined();
});

test("what is otherwise are cases of the suite", () => {
  expect(cases.map(({ name }) => name)).toEqual(expect.arrayContaining([...otherwise.keys()]));
});
