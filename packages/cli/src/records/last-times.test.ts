import type { BuildRecord, StepRecord } from "@ob/core";
import { expect, it } from "vitest";
import { idOf } from "../testing/terminal.ts";
import { lastTimes } from "./last-times.ts";

function step(digit: string, milliseconds: number, more: Partial<StepRecord> = {}): StepRecord {
  return {
    ...{ id: idOf(digit), op: "run", heading: "/: (run (shell make))", build: [], start: 0, milliseconds },
    ...{ outcome: "saved", phases: [], ...more },
  };
}

function record(context: string, ...steps: readonly StepRecord[]): BuildRecord {
  const [started, finished] = [new Date(0), new Date(1)];
  return { id: "0", spec: "-", context, started, finished, outcome: "succeeded", steps };
}

it("knows what a step took when it was last made, not when it was cached or failed", () => {
  const last = lastTimes(
    [
      record("/a", step("1", 5, { outcome: "cached" }), step("2", 6, { outcome: "failed" })),
      record("/b", step("1", 70)),
      record("/b", step("1", 80)),
    ],
    "/a",
  );
  expect(last(step("1", 0))).toBe(70);
  expect(last(step("2", 0))).toBeUndefined();
});

it("knows a step whose inputs have changed by its text, in builds of the same directory", () => {
  const records = [
    record("/b", step("1", 70)),
    record("/a", step("2", 20), step("3", 30, { build: ["tools"] })),
    record("/a", step("4", 40)),
  ];
  const last = lastTimes(records, "/a");
  expect(last(step("9", 0))).toBe(20);
  expect(last(step("9", 0, { build: ["tools"] }))).toBe(30);
  expect(last(step("9", 0, { heading: "/: (run (shell other))" }))).toBeUndefined();
  expect(lastTimes(records, "/c")(step("9", 0))).toBeUndefined();
});
