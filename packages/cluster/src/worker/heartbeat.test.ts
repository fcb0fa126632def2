import { expect, it } from "vitest";
import { tryParseJson } from "../redis/parse-json.ts";
import { workerStatusSchema } from "./heartbeat.ts";

const status = { v: 1, name: "w", pools: ["linux"], slots: 1, running: 0, draining: false, host: "h" };

it("a worker's status is read, whatever its host is called", () => {
  const hostile = { ...status, host: "\u001b]0;x\u0007" };
  expect(tryParseJson(workerStatusSchema, JSON.stringify(hostile))).toEqual(hostile);
});

it.each([
  ["a name with control characters", { name: "w\u001b[2J" }],
  ["a pool with control characters", { pools: ["linux\n"] }],
  ["more pools than a worker has", { pools: Array.from({ length: 1_001 }, (_, index) => `p${index}`) }],
  ["a number that is not one of slots", { slots: -1 }],
  ["another field", { constructor: {} }],
  ["a host without end", { host: "h".repeat(1_001) }],
])("a worker's status with %s is left out", (_name, change) => {
  expect(tryParseJson(workerStatusSchema, JSON.stringify({ ...status, ...change }))).toBeUndefined();
});
