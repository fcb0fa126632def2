import { expect, test } from "vitest";
import { openCaches } from "./index.ts";

test("openCaches names the option of a wrong kind that a caller from JavaScript gives", async () => {
  const open = async (options: unknown): Promise<unknown> =>
    await Reflect.apply(openCaches, undefined, [options]);
  await expect(open(undefined)).rejects.toThrow("openCaches takes an object with options, not undefined.");
  await expect(open({})).rejects.toThrow("openCaches: directory must be a string, not undefined.");
  await expect(open({ directory: "/x", size: "1G" })).rejects.toThrow("size must be a number, not a string.");
});
