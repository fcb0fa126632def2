import { describe, expect, test } from "vitest";

import { alternatives, didYouMean, nearNames, printable, showAtom } from "./near-name.ts";

describe("nearNames", () => {
  test.each([
    ["frm", "from"],
    ["form", "from"],
    ["rum", "run"],
    ["RUN", "run"],
    ["wrkdir", "workdir"],
    ["secrest", "secrets"],
  ])("finds the name that %s is a typing error of", (written, meant) => {
    expect(nearNames(written, ["from", "run", "workdir", "secrets", "env"])).toStrictEqual([meant]);
  });

  test("returns the nearest first", () => {
    expect(nearNames("tools-one", ["tool-on", "tools-on", "other"])).toStrictEqual(["tools-on", "tool-on"]);
  });

  test("returns nothing if no name is near", () => {
    expect(nearNames("frobnicate", ["from", "run"])).toStrictEqual([]);
    expect(nearNames("x".repeat(1_000_000), ["x".repeat(999_999)])).toStrictEqual([]);
  });
});

test("didYouMean lists all suggestions, or returns undefined", () => {
  expect(didYouMean("dev", ["dew", "dex"])).toBe('did you mean "dew" or "dex"?');
  expect(didYouMean("dev", ["base"])).toBeUndefined();
});

test("alternatives joins names with commas and a final or", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(alternatives)).toStrictEqual([
    "",
    "a",
    "a or b",
    "a, b or c",
  ]);
});

test("printable makes control characters, invalid bytes and direction marks visible", () => {
  expect(printable("a\u001B[31m\n\u007F\u009B\uDCFF\u202Eé日🙂")).toBe(
    "a␛[31m␊\uFFFD\uFFFD\uFFFD\uFFFDé日🙂",
  );
});

test("showAtom truncates a long text", () => {
  expect(showAtom("x".repeat(60))).toBe(`"${"x".repeat(60)}"`);
  expect(showAtom("x".repeat(61))).toBe(`"${"x".repeat(59)}…"`);
});
