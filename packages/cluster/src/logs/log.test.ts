import { randomBytes } from "node:crypto";
import type { LayerId } from "@ob/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { id, type RedisServer, startRedis, until } from "../redis-server.test.helper.ts";
import { keys } from "../redis/keys.ts";
import { LayerStates } from "../redis/layer-states.ts";
import type { LogArchive } from "./archive.ts";
import { toEntries } from "./log-entry.ts";
import { followLog, type FollowLogOptions } from "./follow-log.ts";
import { LogWriter } from "./log-writer.ts";

let server: RedisServer;
let states: LayerStates;

beforeAll(async () => {
  server = await startRedis();
  states = new LayerStates(await server.connect());
});
afterAll(async () => await server[Symbol.asyncDispose]());

let count = 0;
async function claimed(owner = "w1 t") {
  const layer = id(`log ${++count}`);
  await states.want([layer], "b");
  await states.claim(layer, owner);
  return layer;
}

class MemoryArchive implements LogArchive {
  readonly chunks = new Map<string, Uint8Array>();
  async put(bytes: Uint8Array) {
    const name = `chunk-${this.chunks.size}`;
    this.chunks.set(name, bytes.slice());
    return name;
  }
  async get(name: string) {
    return this.chunks.get(name);
  }
}

async function all(options: Omit<FollowLogOptions, "redis">): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const bytes of followLog({ ...options, redis: states.redis })) chunks.push(bytes);
  return Buffer.concat(chunks);
}

/** Resolves when so many bytes of a log are in Redis: more than 8 MiB do not wait. */
async function sent(layer: LayerId, bytes: number): Promise<void> {
  await until(async () => {
    const [last] = toEntries(await states.redis.xrevrangeBuffer(keys.log(layer), "+", "-", "COUNT", 1));
    return last !== undefined && "bytes" in last && last.at + last.bytes.length >= bytes;
  });
}

test("a log that is followed live, from the start or from the middle, has the same bytes", async () => {
  const layer = await claimed();
  const archive = new MemoryArchive();
  const writer = new LogWriter({ redis: states.redis, id: layer, owner: "w1 t", archive });
  const whole = randomBytes(10 * 2 ** 20);
  const live = all({ id: layer, archive });
  for (let at = 0; at < whole.length; at += 100_000) {
    writer.write(whole.subarray(at, at + 100_000));
    if (at % 4_000_000 === 0) await sent(layer, at + 100_000);
  }
  await until(async () => archive.chunks.size > 0);
  const middle = all({ id: layer, archive, from: 6_543_210 });
  const early = all({ id: layer, archive, from: 123 });
  await writer.end("made");
  expect((await live).equals(whole)).toBe(true);
  expect((await middle).equals(whole.subarray(6_543_210))).toBe(true);
  expect((await early).equals(whole.subarray(123))).toBe(true);
  const held = await states.redis.memory("USAGE", keys.log(layer), "SAMPLES", 0);
  expect(Number(held)).toBeLessThan(1.3 * 9 * 2 ** 20);
});

test("without an archive the beginning of a long log is dropped, and that is said", async () => {
  const layer = await claimed();
  const writer = new LogWriter({ redis: states.redis, id: layer, owner: "w1 t" });
  for (let part = 0; part < 10; part++) {
    writer.write(Buffer.alloc(2 ** 20, "x"));
    await sent(layer, (part + 1) * 2 ** 20);
  }
  await writer.end("made");
  const text = (await all({ id: layer })).toString();
  const kept = text.indexOf("x");
  expect(text.slice(0, kept)).toMatch(/^(\[\d+ bytes of the log were not kept\]\n)+$/);
  expect(text.slice(kept) === "x".repeat(8 * 2 ** 20)).toBe(true);
});

test("the output of a worker that has lost its claim is refused, and that of the next one follows", async () => {
  const layer = await claimed("w1 t");
  const first = new LogWriter({ redis: states.redis, id: layer, owner: "w1 t" });
  const followed = all({ id: layer });
  first.write(Buffer.from("theirs "));
  await until(async () => (await states.redis.xlen(keys.log(layer))) === 1);
  await states.redis.del(keys.claim(layer));
  await states.claim(layer, "w2 t");
  first.write(Buffer.from("too late"));
  await first.end("made");
  const second = new LogWriter({ redis: states.redis, id: layer, owner: "w2 t" });
  second.write(Buffer.from("ours"));
  await second.end("made");
  expect((await followed).toString()).toBe("theirs ours");
});

test("output is kept when the claim has expired and nobody else has it", async () => {
  const layer = await claimed();
  await states.redis.del(keys.claim(layer));
  const writer = new LogWriter({ redis: states.redis, id: layer, owner: "w1 t" });
  writer.write(Buffer.from("kept"));
  await writer.end("made");
  writer.write(Buffer.from("after the end"));
  expect((await all({ id: layer })).toString()).toBe("kept");
});

test("an attempt that has ended leaves nothing in the log of the next", async () => {
  const layer = await claimed("w1 t");
  const first = new LogWriter({ redis: states.redis, id: layer, owner: "w1 t" });
  first.write(Buffer.from("old"));
  await first.end("failed");
  await states.fail(layer, "w1 t", { v: 1, time: 1, code: "STEP_FAILED", message: "no" });
  await states.claim(layer, "w2 t");
  const second = new LogWriter({ redis: states.redis, id: layer, owner: "w2 t" });
  second.write(Buffer.from("new"));
  await second.end("made");
  expect((await all({ id: layer })).toString()).toBe("new");
});

test("a follower has all that was written before more is written, in order", async () => {
  const layer = await claimed();
  const writer = new LogWriter({ redis: states.redis, id: layer, owner: "w1 t" });
  const following = followLog({ redis: states.redis, id: layer })[Symbol.asyncIterator]();
  for (let line = 0; line < 40; line++) {
    writer.write(Buffer.from(`${line}\n`));
    // The writer's next call is after this: what has come has not waited for it. `bench -- cluster` measures how long it takes.
    const { value } = await following.next();
    expect(String(value)).toBe(`${line}\n`);
  }
  await writer.end("made");
  expect(await following.next()).toMatchObject({ done: true });
});

test("following ends when nothing more can come, and when it is cancelled", async () => {
  const layer = await claimed();
  const over = new AbortController();
  const writer = new LogWriter({ redis: states.redis, id: layer, owner: "w1 t" });
  writer.write(Buffer.from("some"));
  const following = all({ id: layer, over: over.signal });
  await until(async () => (await states.redis.xlen(keys.log(layer))) === 1);
  over.abort();
  expect((await following).toString()).toBe("some");
  expect((await all({ id: layer, isAlive: async () => false })).toString()).toBe("some");
  const cancel = new AbortController();
  const cancelled = all({ id: layer, signal: cancel.signal });
  cancel.abort();
  await expect(cancelled).rejects.toMatchObject({ code: "CANCELLED" });
});
