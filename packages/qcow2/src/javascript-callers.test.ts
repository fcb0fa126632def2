import { expect, test } from "vitest";
import * as qcow2 from "./index.ts";

const entries: Readonly<Record<string, unknown>> = qcow2;

/** As from JavaScript, which knows no types. */
test.each<[keyof typeof qcow2, readonly unknown[], string]>([
  ["createDisk", [], "createDisk: path must be a string, not undefined."],
  ["createDisk", ["/x"], "createDisk takes an object with options, not undefined."],
  ["createDisk", ["/x", { size: "1G" }], "createDisk: size must be a number, not a string."],
  ["createOverlay", ["/x", {}], "createOverlay: backing must be a string, not undefined."],
  ["rebase", ["/x", { backing: 7 }], "rebase: backing must be a string, not a number."],
  ["renameBacking", ["/x"], "renameBacking takes an object with options, not undefined."],
  ["convert", ["/x"], "convert: target must be a string, not undefined."],
  ["findDamage", [{}], "findDamage: path must be a string, not an object."],
  ["copyDisk", ["/x"], "copyDisk: target must be a string, not undefined."],
  ["tryLock", ["/x"], 'tryLock: mode must be "shared" or "exclusive", not undefined.'],
  ["waitForLock", ["/x", "read"], 'waitForLock: mode must be "shared" or "exclusive", not "read".'],
])("%s%j is refused by name", async (name, args, message) => {
  const entry = entries[name];
  if (typeof entry !== "function") throw new TypeError(`${name} is not a function.`);
  await expect(Reflect.apply(entry, undefined, args)).rejects.toThrow(new TypeError(message));
});
