import { expect, it } from "vitest";
import { escapeOptionValue } from "./escape.ts";

it("a comma in a value is doubled", () => {
  expect(escapeOptionValue("/run,dir/a.log")).toBe("/run,,dir/a.log");
});
