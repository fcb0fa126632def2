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
  ])("finds what %s is a slip of", (written, meant) => {
    expect(nearNames(written, ["from", "run", "workdir", "secrets", "env"])).toStrictEqual([meant]);
  });

  test("puts the nearest first", () => {
    expect(nearNames("tools-one", ["tool-on", "tools-on", "other"])).toStrictEqual(["tools-on", "tool-on"]);
  });

  test("finds nothing where nothing is near", () => {
    expect(nearNames("frobnicate", ["from", "run"])).toStrictEqual([]);
    expect(nearNames("x".repeat(1_000_000), ["x".repeat(999_999)])).toStrictEqual([]);
  });
});

test("didYouMean names them all, or says nothing", () => {
  expect(didYouMean("dev", ["dew", "dex"])).toBe('did you mean "dew" or "dex"?');
  expect(didYouMean("dev", ["base"])).toBeUndefined();
});

test("alternatives reads like a list", () => {
  expect([[], ["a"], ["a", "b"], ["a", "b", "c"]].map(alternatives)).toStrictEqual([
    "",
    "a",
    "a or b",
    "a, b or c",
  ]);
});

test("printable shows controls, broken bytes and directions instead of sending them to the terminal", () => {
  expect(printable("a\u001B[31m\n\u007F\u009B\uDCFF\u202Eé日🙂")).toBe(
    "a␛[31m␊\uFFFD\uFFFD\uFFFD\uFFFDé日🙂",
  );
});

test("showAtom cuts what is long", () => {
  expect(showAtom("x".repeat(60))).toBe(`"${"x".repeat(60)}"`);
  expect(showAtom("x".repeat(61))).toBe(`"${"x".repeat(59)}…"`);
});
