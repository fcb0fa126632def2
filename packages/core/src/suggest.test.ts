import { describe, expect, test } from "vitest";
import { didYouMean, nearNames } from "./suggest.ts";

const images = ["debian-12-amd64", "debian-12-riscv64", "ubuntu-noble-amd64", "busybox"];

describe("nearNames", () => {
  test.each([
    ["debian-12-amd46", ["debian-12-amd64"]],
    ["bussybox", ["busybox"]],
    ["biuld", []],
    ["debian", ["debian-12-amd64", "debian-12-riscv64"]],
    ["busybox-with-more-in-it", ["busybox"]],
    ["de", []],
    ["x".repeat(1_000_000), []],
  ])("of %.30s are %j", (written, expected) => {
    expect(nearNames(written, images)).toEqual(expected);
  });

  test("are the nearest alone, and all of these", () => {
    expect(nearNames("image-c", ["image-a", "image-b", "image-dd"])).toEqual(["image-a", "image-b"]);
  });

  test("are found of options without regard to their dashes", () => {
    expect(nearNames("--x", ["--store", "--json"])).toEqual([]);
    expect(nearNames("--stoer", ["--store", "--json"])).toEqual(["--store"]);
  });

  test("differ by one letter at most where they are short", () => {
    expect(nearNames("fmy", ["fmt"])).toEqual(["fmt"]);
    expect(nearNames("xyt", ["fmt"])).toEqual([]);
  });
});

describe("didYouMean", () => {
  test("names what was meant, in one wording", () => {
    expect(didYouMean("biuld", ["build", "plan"])).toBe("Did you mean build?");
    expect(didYouMean("debian", images)).toBe("Did you mean debian-12-amd64 or debian-12-riscv64?");
    expect(didYouMean("abcd", ["abce", "abcf", "abcg", "abch"])).toBe("Did you mean abce, abcf or abcg?");
    expect(didYouMean("x", [])).toBeUndefined();
  });
});
