import { describe, expect, it } from "vitest";
import { isTagName, parseTagName, taggedBase } from "./tag-name.ts";

describe("the name of a tag", () => {
  it.each(["tools", "team/tools", "tools:1.2", "a.b_c--d__e", "x:V1_2-rc.3", "cafe:1", "abc", "8a89x"])(
    "is that of an OCI reference: %s",
    (name) => {
      expect(parseTagName(name)).toBe(name);
      expect(isTagName(name)).toBe(true);
    },
  );

  it("means the same with :latest", () => {
    expect(parseTagName("tools:latest")).toBe("tools");
  });

  it.each([
    "",
    "Tools",
    "../x",
    "a/../b",
    "/a",
    "a/",
    "a//b",
    ".a",
    "a b",
    "a\n",
    "a:b:c",
    "a:",
    ":latest",
    "a:.b",
    "-f",
    "--store",
    "a\u001b[2J",
    "a\u202eb",
    "ä",
    "a@b",
    `${"a/".repeat(200)}a`,
    `a:${"b".repeat(129)}`,
  ])("is not %j", (name) => {
    expect(() => parseTagName(name)).toThrow(/cannot be a tag/);
    expect(isTagName(name)).toBe(false);
  });

  it.each(["cafe", "20240101", "8a897f21e54d", "0".repeat(64)])("does not look like an id: %s", (name) => {
    expect(() => parseTagName(name)).toThrow(/beginning of a layer's id/);
  });

  it("is shown without what could drive a terminal", () => {
    expect(() => parseTagName("a\u001b[2J")).toThrow(String.raw`"a\u{1b}[2J" cannot`);
  });
});

it("a base that begins with obuilder: is a tag", () => {
  expect(taggedBase("obuilder:tools:1.2")).toBe("tools:1.2");
  expect(taggedBase("debian-12-amd64")).toBeUndefined();
});
