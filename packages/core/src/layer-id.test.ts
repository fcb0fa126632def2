import { expect, test } from "vitest";
import { sha256 } from "./digest.ts";
import { isLayerId, layerId } from "./layer-id.ts";

test("a digest is a layer id", () => {
  expect(layerId(sha256("base"))).toBe(sha256("base"));
});

test.each(["", "abc", sha256("x").toUpperCase(), `${sha256("x")}0`, `${sha256("x")}\n`, `../${sha256("x")}`])(
  "%j is not a layer id",
  (text) => {
    expect(isLayerId(text)).toBe(false);
    expect(() => layerId(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
  },
);
