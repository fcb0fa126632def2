import { describe, expect, it } from "vitest";
import { diffClocks, parseClocks } from "./clocks.ts";

describe("the clocks of a command's output", () => {
  it.each([
    ["Welcome\nclock: 1795479999\n", 1_795_479_999, undefined],
    ["clock: -3\nhardware clock: 7", -3, 7],
    ["hardware clock: -1\n", undefined, -1],
    ["clock: \n", undefined, undefined],
    ["clock: 1e99\n", undefined, undefined],
    ["clock: 1\nclock: 2\nhardware clock: 0", undefined, 0],
    ["clock: 1\nhardware clock: 0\nhardware clock: 0", 1, undefined],
    ["", undefined, undefined],
  ])("%j are %s and %s", (text, clock, hardwareClock) => {
    expect(parseClocks(text)).toEqual({ clock, hardwareClock });
  });
});

describe("clocks", () => {
  const before = { clock: 1000, hardwareClock: 0 };

  it.each([
    [1002, 2, undefined],
    [998, -2, undefined],
    [1003, 0, "its clock was set"],
    [1000, -3, "its hardware clock was set"],
    [1000, undefined, "its hardware clock was set"],
    [undefined, 0, "its clock was set"],
  ])("that then show %s and %s: %s", (clock, hardwareClock, difference) => {
    expect(diffClocks(before, { clock, hardwareClock })).toBe(difference);
  });

  it("may be without that of a machine", () => {
    const without = { clock: 1000, hardwareClock: undefined };
    expect(diffClocks(without, { ...without, clock: 1001 })).toBeUndefined();
    expect(diffClocks(without, before)).toBe("its hardware clock was set");
  });
});
