import { ObError } from "@ob/core";
import * as v from "valibot";
import { expect, test } from "vitest";
import { parseJson, tryParseJson } from "./parse-json.ts";

/** Takes whatever is nested. */
const nested: v.GenericSchema = v.union([v.array(v.lazy(() => nested)), v.string()]);

test.each([
  ["deep", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
  ["deep and not closed", "[".repeat(1_000_000)],
  ["long", `"${"a".repeat(17 * 2 ** 20)}"`],
  ["no JSON", "x"],
  ["absent", null],
])("what somebody has put into Redis and is %s is left out, or refused", (_, text) => {
  expect(tryParseJson(nested, text)).toBeUndefined();
  expect(() => parseJson(nested, text, "a build")).toThrow(ObError);
});

test("what the schema takes is read", () => {
  expect(tryParseJson(nested, '[["a"], "[["]')).toEqual([["a"], "[["]);
});
