import { createRequire } from "node:module";
import { expect, test } from "vitest";

// What `bundle.mjs` puts into the bundle; no source imports it.
const lazyModule: (name: string, load: (name: string) => object) => Readonly<Record<string, unknown>> =
  createRequire(import.meta.url)("../lazy-module.cjs");

test("a module is loaded when one of its parts is used first, and once", () => {
  const loaded: string[] = [];
  const module = lazyModule("node:crypto", (name) => {
    loaded.push(name);
    return { hash: "a", sign: "b" };
  });
  expect(loaded).toStrictEqual([]);
  expect([module["hash"], module["sign"], module["other"]]).toStrictEqual(["a", "b", undefined]);
  expect(loaded).toStrictEqual(["node:crypto"]);
});
