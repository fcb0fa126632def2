import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeTurn } from "../campaigns/fuzz.ts";
import { type FileTargets, openFileTargets } from "./file-targets.ts";
import { streamTargets } from "./stream-targets.ts";
import { target } from "./target.ts";
import { textTargets } from "./text-targets.ts";
import { mutated } from "./mutated.ts";

/** How many inputs each target gets here. The campaign tries a million. */
const inputs = 40;

let files: FileTargets;
beforeAll(async () => {
  files = await openFileTargets();
});
afterAll(() => files[Symbol.asyncDispose]());

describe("what others have made", () => {
  it("is read, or refused in words", { timeout: 600_000 }, async () => {
    for (const each of [...textTargets, ...streamTargets, ...files.targets]) {
      const { tried, fault } = await takeTurn(each, xoroshiro128plus(1), inputs);
      expect({ name: each.name, tried, fault }).toEqual({ name: each.name, tried: inputs, fault: undefined });
    }
  });

  it("is a fault if it is neither", async () => {
    const broken = target("broken", mutated(["example"]), (bytes) => {
      if (bytes.length !== "example".length) throw new TypeError("not so long");
    });
    const { fault } = await takeTurn(broken, xoroshiro128plus(1), 100);
    expect(fault).toContain("not so long");
  });
});
