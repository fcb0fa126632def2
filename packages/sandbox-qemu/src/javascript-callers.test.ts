import { expect, test } from "vitest";
import * as sandbox from "./index.ts";

const entries: Readonly<Record<string, unknown>> = sandbox;

/** As from JavaScript, which knows no types. */
async function call(
  name: "createSandbox" | "pruneSnapshots" | "bootForSmokeTest",
  ...args: readonly unknown[]
) {
  const entry = entries[name];
  if (typeof entry === "function") await Reflect.apply(entry, undefined, args);
}

test("the entries of the sandbox name an option that is missing or of a wrong kind", async () => {
  await expect(call("createSandbox")).rejects.toThrow(
    "createSandbox takes an object with options, not undefined.",
  );
  await expect(call("createSandbox", { memoryMib: "1G" })).rejects.toThrow(
    "memoryMib must be a number, not a string.",
  );
  await expect(call("bootForSmokeTest", {})).rejects.toThrow("bootForSmokeTest: memoryMib must be a number");
  await expect(call("pruneSnapshots", {})).rejects.toThrow("pruneSnapshots: stateDirectory must be a string");
  // @ts-expect-error -- as from JavaScript
  expect(() => sandbox.describeGuest()).toThrow("describeGuest takes an object with options, not undefined.");
});
