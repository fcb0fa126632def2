import { MemoryStore } from "@ob/core/testing";
import { expect, test } from "vitest";
import { bench, request } from "./builds.test.helper.ts";
import * as builder from "./index.ts";

const entries: Readonly<Record<string, unknown>> = builder;

/** As from JavaScript, which knows no types. */
function call(name: keyof typeof builder, ...args: readonly unknown[]): unknown {
  const entry = entries[name];
  if (typeof entry !== "function") throw new TypeError(`${name} is not a function.`);
  return Reflect.apply(entry, undefined, args);
}

test("createBuilder names what is missing or of a wrong kind", () => {
  expect(() => call("createBuilder")).toThrow("createBuilder takes an object with options, not undefined.");
  expect(() => call("createBuilder", {})).toThrow("createBuilder: store must be an object, not undefined.");
  const ports = { store: new MemoryStore(), sandbox: {}, caches: {} };
  expect(() => call("createBuilder", { ...ports, logLimit: "1M" })).toThrow(
    "logLimit must be a number, not a string.",
  );
});

test.each([
  ["takes an object with options, not undefined.", undefined],
  ["spec must be an object, not a string.", { spec: "((from base))", sourceDirectory: "/" }],
  ["sourceDirectory must be a string, not undefined.", { spec: request("((from base))").spec }],
  ["secrets must be a map, not an object.", { ...request("((from base))"), secrets: { token: "x" } }],
])("a request is checked: %s", async (message, wrong) => {
  await using setting = bench();
  const building: unknown = Reflect.apply(setting.builder.build, setting.builder, [wrong]);
  await expect(building).rejects.toThrow(message);
  await expect(call("planBuild", { store: setting.store }, wrong)).rejects.toThrow(message);
  await expect(call("planBuild", undefined, wrong)).rejects.toThrow("planBuild takes an object with options");
});
