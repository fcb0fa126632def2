import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeTurn } from "../campaigns/fuzz.ts";
import { mutated } from "./mutated.ts";
import { target } from "./target.ts";
import { type OpenTargets, openTargets } from "./targets.ts";

/** How many inputs each target gets here. The campaign tries a million. */
const inputs = 40;

let open: OpenTargets;
beforeAll(async () => {
  open = await openTargets();
}, 120_000);
afterAll(() => open[Symbol.asyncDispose]());

describe("what others have made", () => {
  it("is read, or refused in words, and not always refused", { timeout: 600_000 }, async () => {
    for (const each of open.targets) {
      const { name } = each;
      const { tried, read, fault } = await takeTurn(each, xoroshiro128plus(1), inputs);
      expect({ name, tried, isRead: read > 0, fault }).toEqual({
        name,
        tried: inputs,
        isRead: true,
        fault: undefined,
      });
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
