import { expect, test } from "vitest";
import { digestOf } from "./digest.ts";
import { isLoopback, parseReference } from "./reference.ts";

const some = digestOf("x");

test("a reference is read into registry, repository, tag and digest", () => {
  const plain = { tag: undefined, digest: undefined };
  expect(parseReference("reg.example/ob")).toEqual({ registry: "reg.example", repository: "ob", ...plain });
  expect(parseReference("localhost/a/b-c/d__e.f")).toMatchObject({
    registry: "localhost",
    repository: "a/b-c/d__e.f",
  });
  expect(parseReference(`reg.example:5000/a/b:v1.0_x@${some}`)).toEqual({
    registry: "reg.example:5000",
    repository: "a/b",
    tag: "v1.0_x",
    digest: some,
  });
  expect(parseReference("[::1]:5000/a")).toMatchObject({ registry: "[::1]:5000", repository: "a" });
  expect(parseReference(`127.0.0.1:5000/a@${some}`)).toMatchObject({ tag: undefined, digest: some });
});

test.each([
  ["https://reg.example/a", "it has a scheme"],
  ["ubuntu", "does not start with a registry"],
  ["library/ubuntu", "does not start with a registry"],
  ["", "does not start with a registry"],
  ["/a", "does not start with a registry"],
  ["reg.example", "does not start with a registry"],
  ["reg.example/", "is not a path"],
  ["reg.example/A", "has upper-case letters"],
  ["reg.example/a//b", "is not a path"],
  ["reg.example/../a", "is not a path"],
  ["reg.example/a/../b", "is not a path"],
  ["reg.example/a?x=1", "is not a path"],
  ["reg.example/a%2f", "is not a path"],
  ["reg.example/a\r\nhost: b", "is not a path"],
  ["user:pw@reg.example/a", "is not a host"],
  ["reg..example/a", "is not a host"],
  ["-reg.example/a", "is not a host"],
  ["reg.example:99999/a", "there is no port 99999"],
  ["reg.example:0/a", "there is no port 0"],
  ["reg.example/a:", "is not a tag"],
  ["reg.example/a:-x", "is not a tag"],
  ["reg.example/a:b:c", "is not a tag"],
  ["reg.example/a@md5:00", "is not a sha256 digest"],
  [`reg.example/a@${some.toUpperCase()}`, "is not a sha256 digest"],
  [`reg.example/a@${some}@${some}`, "is not a sha256 digest"],
])("%j is refused: %s", (text, message) => {
  expect(() => parseReference(text)).toThrow(expect.objectContaining({ code: "REGISTRY" }));
  expect(() => parseReference(text)).toThrow(message);
});

test("what is too long is refused", () => {
  expect(() => parseReference(`reg.example/${"a".repeat(256)}`)).toThrow("more than 255 characters");
  expect(() => parseReference(`reg.example/${"a/".repeat(2_000)}a`)).toThrow("more than 1024 characters");
});

test("only this machine's own addresses are loopback", () => {
  for (const host of ["localhost", "LOCALHOST:5000", "127.0.0.1", "127.1.2.3:80", "[::1]:5000"]) {
    expect(isLoopback(host), host).toBe(true);
  }
  for (const host of [
    "localhost.example",
    "127.0.0.1.example",
    "128.0.0.1",
    "127.0.0.256",
    "[::2]",
    "10.0.0.1",
  ]) {
    expect(isLoopback(host), host).toBe(false);
  }
});
