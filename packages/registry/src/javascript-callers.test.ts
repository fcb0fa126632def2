import { expect, test } from "vitest";
import { openRegistry } from "./index.ts";

test("openRegistry names the option of a wrong kind that a caller from JavaScript gives", () => {
  const open = (options: unknown): unknown => Reflect.apply(openRegistry, undefined, [options]);
  expect(() => open(undefined)).toThrow("openRegistry takes an object with options, not undefined.");
  expect(() => open({})).toThrow("openRegistry: ref must be a string, not undefined.");
  expect(() => open({ ref: "reg.example/ob", insecure: "yes" })).toThrow(
    "insecure must be a boolean, not a string.",
  );
});
