import { afterAll, beforeAll, expect, test } from "vitest";
import { id, type RedisServer, startRedis } from "../redis-server.test.helper.ts";
import { keys } from "./keys.ts";
import { LayerStates } from "./layer-states.ts";

let server: RedisServer;
let states: LayerStates;

beforeAll(async () => {
  server = await startRedis();
  states = new LayerStates(await server.connect());
});
afterAll(async () => await server[Symbol.asyncDispose]());

const [one, two] = ["w1 token-1", "w2 token-2"];
let count = 0;

/** A layer that a build wants. */
async function wanted() {
  const layer = id(`layer ${++count}`);
  await states.want([layer], "b1");
  return layer;
}

/** As if the time of a claim had passed. */
async function expire(layer: Parameters<typeof keys.claim>[0]) {
  await states.redis.del(keys.claim(layer));
}

test("of two workers that want a layer one gets it", async () => {
  const layer = await wanted();
  expect(await states.claim(layer, one)).toEqual({ kind: "claimed" });
  expect(await states.claim(layer, two)).toEqual({ kind: "held", worker: "w1" });
  expect(await states.claim(layer, one)).toEqual({ kind: "claimed" });
  expect(await states.states([layer])).toEqual([{ kind: "claimed" }]);
});

test("a layer that no build wants is not made", async () => {
  expect(await states.claim(id("unwanted"), one)).toEqual({ kind: "unwanted" });
});

test("a layer is made, and then published with the digest of the first writer", async () => {
  const layer = await wanted();
  await states.claim(layer, one);
  expect(await states.commit(layer, one)).toEqual({ next: undefined });
  expect(await states.states([layer])).toEqual([{ kind: "made" }]);
  expect(await states.claim(layer, two)).toEqual({ kind: "held", worker: "w1" });
  expect(await states.publish(layer, one, { digest: "d1", parent: undefined })).toBe("published");
  expect(await states.publish(layer, one, { digest: "d2", parent: undefined })).toBe("lost");
  expect(await states.claim(layer, two)).toEqual({ kind: "published", digest: "d1" });
  expect(await states.adopt(layer, "d3")).toBe("d1");
});

test("a commit claims the next layer of the chain in the same command", async () => {
  const [layer, next] = [await wanted(), await wanted()];
  await states.claim(layer, one);
  expect(await states.commit(layer, one, { next })).toEqual({ next: { kind: "claimed" } });
  expect(await states.claim(next, two)).toEqual({ kind: "held", worker: "w1" });
});

test("a commit and a publication with a lost claim are refused", async () => {
  const layer = await wanted();
  await states.claim(layer, one);
  await expire(layer);
  expect(await states.claim(layer, two)).toEqual({ kind: "claimed" });
  expect(await states.commit(layer, one)).toBeUndefined();
  expect(await states.commit(layer, two)).toBeDefined();
  expect(await states.publish(layer, one, { digest: "d1", parent: undefined })).toBe("lost");
  expect(await states.publish(layer, two, { digest: "d2", parent: undefined })).toBe("published");
});

test("a commit with a claim that has expired counts, as long as nobody else has it", async () => {
  const layer = await wanted();
  await states.claim(layer, one);
  await expire(layer);
  expect(await states.commit(layer, one)).toBeDefined();
  expect(await states.claim(layer, two)).toEqual({ kind: "held", worker: "w1" });
  await expire(layer);
  expect(await states.publish(layer, one, { digest: "d1", parent: undefined })).toBe("published");
});

test("a layer is not published on another version of its parent", async () => {
  const [parent, layer] = [await wanted(), await wanted()];
  await states.adopt(parent, "theirs");
  await states.claim(layer, one);
  await states.commit(layer, one);
  const ours = { id: parent, digest: "ours" };
  expect(await states.publish(layer, one, { digest: "d", parent: ours })).toBe("mixed");
  const theirs = { id: parent, digest: "theirs" };
  expect(await states.publish(layer, one, { digest: "d", parent: theirs })).toBe("published");
});

test("a claim that has expired is taken again, unless another worker has it", async () => {
  const [free, taken] = [await wanted(), await wanted()];
  for (const layer of [free, taken]) {
    await states.claim(layer, one);
    await expire(layer);
  }
  await states.claim(taken, two);
  const claims = [free, taken].map((layer) => ({ id: layer, owner: one }));
  expect(await states.renew(claims)).toEqual([{ id: taken, owner: one }]);
  expect(await states.claim(free, two)).toEqual({ kind: "held", worker: "w1" });
});

test("what a dead worker has made and not published is made again", async () => {
  const layer = await wanted();
  await states.claim(layer, one);
  await states.commit(layer, one);
  await expire(layer);
  expect(await states.states([layer])).toMatchObject([{ kind: "absent" }]);
  expect(await states.claim(layer, two)).toEqual({ kind: "claimed" });
  expect(await states.states([layer])).toEqual([{ kind: "claimed" }]);
});

test("a step that has killed two workers is not tried again", async () => {
  const layer = await wanted();
  for (const owner of [one, two]) {
    expect(await states.claim(layer, owner)).toEqual({ kind: "claimed" });
    await expire(layer);
  }
  // Until that is said to those who wait: the commit of the layer before may be what asks first.
  for (const owner of ["w3 t", "w4 t"]) {
    expect(await states.claim(layer, owner)).toEqual({ kind: "fatal", workers: "w1, w2" });
  }
  await states.fail(layer, "w4 t", { v: 1, time: 1, code: "GUEST_LOST", message: "no" });
  expect(await states.claim(layer, one)).toEqual({ kind: "claimed" });
});

test("a worker that has lost its claim and lives was not killed by the step", async () => {
  const layer = await wanted();
  await states.claim(layer, one);
  await expire(layer);
  await states.claim(layer, two);
  await states.release(layer, one);
  await expire(layer);
  expect(await states.claim(layer, "w3 t")).toEqual({ kind: "claimed" });
});

test("a failure is kept for those who wait, until a build that came later tries the step again", async () => {
  const layer = await wanted();
  await states.claim(layer, one);
  const failure = { v: 1, time: 5, code: "STEP_FAILED", message: "no", exitCode: 3 } as const;
  await states.fail(layer, two, failure);
  expect(await states.states([layer])).toEqual([{ kind: "claimed" }]);
  await states.fail(layer, one, failure);
  expect(await states.states([layer])).toEqual([{ kind: "absent", failure }]);
  expect(await states.claim(layer, two, 5)).toEqual({ kind: "failed" });
  expect(await states.claim(layer, two, 6)).toEqual({ kind: "claimed" });
  expect(await states.redis.exists(keys.failure(layer))).toBe(0);
});

test("a failure from before the clock of Redis was set back is not that of a build that came later", async () => {
  const layer = await wanted();
  await states.claim(layer, one);
  const time = (await states.now()) + 3_600_000;
  await states.fail(layer, one, { v: 1, time, code: "STEP_FAILED", message: "no" });
  expect(await states.claim(layer, two, await states.now())).toEqual({ kind: "claimed" });
});

test("workers are told to stop when the last wish is taken back", async () => {
  const layer = await wanted();
  await states.want([layer], "b2");
  await states.claim(layer, one);
  const listening = await server.connect();
  const heard: string[] = [];
  listening.on("message", (_, message: string) => void heard.push(message));
  await listening.subscribe("ob:1:commands:w1");
  await states.unwant([layer], "b1");
  await states.unwant([layer], "b2");
  await expect
    .poll(() => heard.map((text) => JSON.parse(text)))
    .toEqual([{ v: 1, command: "stop", id: layer }]);
});

test("a layer that the registry has lost is forgotten", async () => {
  const layer = await wanted();
  await states.adopt(layer, "d1");
  await states.forget(layer, "other");
  expect(await states.states([layer])).toEqual([{ kind: "published", digest: "d1" }]);
  await states.forget(layer, "d1");
  expect(await states.claim(layer, one)).toEqual({ kind: "claimed" });
});

test("what others have put in place of a record is refused or left out", async () => {
  const layer = await wanted();
  await states.redis.set(keys.failure(layer), JSON.stringify({ v: 2, message: "x" }));
  expect(await states.states([layer])).toEqual([{ kind: "absent", failure: undefined }]);
});
