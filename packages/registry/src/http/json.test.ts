import * as v from "valibot";
import { expect, test } from "vitest";
import { parseJson } from "./json.ts";

const parse = (text: string | Uint8Array): unknown =>
  parseJson(text, { what: "The text", schema: v.unknown() });

test("JSON is read, brackets and escapes in strings included", () => {
  const value = { a: ["[".repeat(100), String.raw`\"{`.repeat(100), 'x"[['], "\\": [[]] };
  expect(parse(JSON.stringify(value))).toEqual(value);
});

test("a string of megabytes is read", () => {
  const long = String.raw`\u0041[`.repeat(500_000);
  expect(parse(`["${long}"]`)).toEqual(["A[".repeat(500_000)]);
});

test.each<[string, string | Uint8Array]>([
  ["is nested more than 32 levels deep", `${"[".repeat(33)}${"]".repeat(33)}`],
  ["is nested more than 32 levels deep", '{"a":'.repeat(1_000_000)],
  ["is not JSON", "secret"],
  ["is not JSON", '"secret'],
  ["is not UTF-8", new Uint8Array([34, 255, 34])],
])("The text %s, and is not quoted", (message, text) => {
  expect(() => parse(text)).toThrow(`The text ${message}.`);
});
