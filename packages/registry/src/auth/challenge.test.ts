import { expect, test } from "vitest";
import { parseChallenges } from "./challenge.ts";

function read(...values: readonly string[]): unknown {
  return parseChallenges(values).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);
}

test("challenges are read as RFC 9110 writes them", () => {
  expect(read('Bearer realm="https://a/t",service="b",scope="repository:x:pull,push"')).toEqual([
    ["bearer", { realm: "https://a/t", service: "b", scope: "repository:x:pull,push" }],
  ]);
  expect(read('Basic realm="a \\"quoted\\", b"', "BEARER Realm=c")).toEqual([
    ["basic", { realm: 'a "quoted", b' }],
    ["bearer", { realm: "c" }],
  ]);
  expect(read('Negotiate, Basic realm="a", Bearer realm = "b" , service=c')).toEqual([
    ["negotiate", {}],
    ["basic", { realm: "a" }],
    ["bearer", { realm: "b", service: "c" }],
  ]);
});

test("what is not well formed, or too long, ends the reading", () => {
  expect(read("", ",,", '"x"')).toEqual([]);
  expect(read('Basic realm="a', 'Bearer realm="b"')).toEqual([
    ["basic", {}],
    ["bearer", { realm: "b" }],
  ]);
  expect(read(`Bearer realm="${"x".repeat(20_000)}"`)).toEqual([]);
});
