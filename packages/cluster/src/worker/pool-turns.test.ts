import { expect, test } from "vitest";
import { PoolTurns } from "./pool-turns.ts";

function fixture(pools: readonly string[]) {
  const state = { free: 1, waiting: new Map<string, number>() };
  const fetching = new Set(pools);
  const turns = new PoolTurns({
    free: () => state.free,
    waiting: async (pool) => state.waiting.get(pool) ?? 0,
  });
  for (const pool of pools) {
    turns.add(pool, {
      pause: async () => void fetching.delete(pool),
      resume: async () => void fetching.add(pool),
    });
  }
  return { state, fetching, turns };
}

test("without a free slot no queue of several fetches jobs", async () => {
  const { state, fetching, turns } = fixture(["a", "b"]);
  state.free = 0;
  await turns.settle();
  expect([...fetching]).toEqual([]);
});

test("pools with work come in turn, and all fetch if none has work", async () => {
  const { state, fetching, turns } = fixture(["a", "b", "c"]);
  state.waiting = new Map([
    ["a", 5],
    ["c", 5],
  ]);
  const order: string[][] = [];
  for (let turn = 0; turn < 3; turn++) {
    await turns.settle();
    order.push([...fetching]);
  }
  expect(order).toEqual([["a"], ["c"], ["a"]]);
  state.waiting.clear();
  await turns.settle();
  expect([...fetching].toSorted()).toEqual(["a", "b", "c"]);
});

test("a worker of one pool is left to BullMQ", async () => {
  const { state, fetching, turns } = fixture(["a"]);
  state.free = 0;
  await turns.settle();
  expect([...fetching]).toEqual(["a"]);
});
