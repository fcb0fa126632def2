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

test("what becomes part of a path is checked", async () => {
  await using registry = openRegistry({ ref: "127.0.0.1:9/ob" });
  const call = async (
    method: "findLayer" | "removeLayer" | "pullBlob" | "hasBlob",
    argument: unknown,
  ): Promise<unknown> => await Reflect.apply(registry[method], registry, [argument, "/nowhere"]);
  await expect(call("findLayer", "../x")).rejects.toThrow("neither a tag nor a sha256 digest");
  await expect(call("removeLayer", "a/b")).rejects.toThrow("neither a tag nor a sha256 digest");
  await expect(call("hasBlob", { digest: "../x", size: 1 })).rejects.toThrow("is not a digest");
  await expect(call("pullBlob", { digest: "sha256:0", size: 1 })).rejects.toThrow("is not a digest");
  await expect(call("hasBlob", { size: "1" })).rejects.toThrow("size must be a number, not a string.");
});
