import { expect, test } from "vitest";
import { systemPackages } from "../../../scripts/system-packages.mjs";
import { debianPackageOf } from "./debian-packages.ts";

// The list of scripts/ cannot be made of this one: it is used before Node.js 24 and the libraries are installed.
test("a program that is installed for users is named with the same package if it is missing", () => {
  const both = systemPackages.filter(({ program = "" }) => Object.hasOwn(debianPackageOf, program));
  expect(both.length).toBeGreaterThan(10);
  for (const { name, program = "" } of both) {
    expect(debianPackageOf[program]?.split(" "), program).toContain(name);
  }
});
