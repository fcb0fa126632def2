import { expect, test } from "vitest";
import { parseForeignJson } from "./json.ts";

test("JSON is read, brackets and escapes in strings included", () => {
  const value = { a: ["[".repeat(100), String.raw`\"{`.repeat(100), 'x"[['], "\\": [[]] };
  expect(parseForeignJson(JSON.stringify(value))).toEqual({ ok: true, json: value });
  expect(parseForeignJson(Buffer.from('["ä"]'))).toEqual({ ok: true, json: ["ä"] });
});

test.each<[string, string | Uint8Array, number | undefined]>([
  ["too deep", `${"[".repeat(33)}${"]".repeat(33)}`, undefined],
  ["too deep", '{"a":'.repeat(1_000_000), undefined],
  ["too long", '"aaaa"', 5],
  ["too long", Buffer.from('"aaaa"'), 5],
  ["not UTF-8", new Uint8Array([34, 255, 34]), undefined],
  ["not JSON", "secret", undefined],
  ["not JSON", '"secret', undefined],
  ["not JSON", "", undefined],
])("a text that is %s is refused", (why, text, longest) => {
  expect(parseForeignJson(text, { longest })).toMatchObject({ ok: false, why });
});

test("a text of 32 levels is read", () => {
  expect(parseForeignJson(`${"[".repeat(32)}${"]".repeat(32)}`)).toMatchObject({ ok: true });
});
