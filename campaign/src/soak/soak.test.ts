import { describe, expect, it } from "vitest";
import { whatGrew } from "./judge-samples.ts";
import type { Sample } from "./sample.ts";
import { openSoak } from "./soak-store.ts";

const flat: Sample = { memory: 50e6, descriptors: 20, children: 0, listeners: 3, files: 5 };

describe("the comparison of what a process holds", () => {
  it("finds nothing in figures that only vary", () => {
    const samples = Array.from({ length: 40 }, (_, at) => ({
      ...flat,
      memory: 50e6 + (at % 5) * 1e6,
      files: 5 + (at % 2),
    }));
    expect(whatGrew(samples)).toEqual([]);
  });

  it.each(["memory", "descriptors", "children", "listeners", "files"] as const)(
    "finds that the %s grow",
    (kind) => {
      const step = kind === "memory" ? 1e6 : 0.25;
      const samples = Array.from({ length: 40 }, (_, at) => ({ ...flat, [kind]: flat[kind] + at * step }));
      expect(whatGrew(samples)).toEqual([expect.stringContaining(kind)]);
    },
  );
});

it("a builder holds nothing of the builds that it has done", { timeout: 600_000 }, async () => {
  await using work = await openSoak();
  const samples: Sample[] = [];
  for (let round = 0; round < 3; round += 1) {
    await work.round();
    samples.push(await work.sample());
  }
  expect(whatGrew(samples)).toEqual([]);
});
