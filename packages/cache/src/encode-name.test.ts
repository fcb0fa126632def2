import { assert, property, string } from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeName, decodeName } from "./encode-name.ts";

describe("a cache's directory", () => {
  it.each([
    ["opam-archives", "c-opam-archives"],
    ["a/1", "c-a%2f1"],
    ["x y", "c-x%20y"],
    ["..", "c-.."],
    ["", "c-"],
    ["ä", "c-%c3%a4"],
    ["\n1", "c-%0a1"],
    ["\udcff", "c-%ff"],
  ])("has the same name as in the original: %j", (name, directory) => {
    expect(encodeName(name)).toBe(directory);
  });

  it("can be decoded to its name, and is one file name", () => {
    assert(
      property(string({ unit: "binary" }), (name) => {
        const directory = encodeName(name);
        expect(directory).toMatch(/^c-[-._A-Za-z0-9%]*$/);
        expect(decodeName(directory)).toBe(name);
      }),
    );
  });

  it.each(["x", "c-%zz", "c-a/b", "c-%A0"])("is not %s", (directory) => {
    expect(decodeName(directory)).toBeUndefined();
  });
});
