import { expect, test } from "vitest";

import { parseOcamlInt } from "./ocaml-int.ts";

test.each([
  ["0", 0],
  ["1000", 1000],
  ["-1", -1],
  ["+1", 1],
  ["-0", 0],
  ["007", 7],
  ["1_000", 1000],
  ["1__0_", 10],
  ["0x1f", 31],
  ["0XfF", 255],
  ["-0x10", -16],
  ["0o17", 15],
  ["0B11", 3],
  ["0u19", 19],
  [String(Number.MAX_SAFE_INTEGER), Number.MAX_SAFE_INTEGER],
  ["0".repeat(200), 0],
])("parses %s", (text, value) => {
  expect(parseOcamlInt(text)).toBe(value);
});

test.each([
  "",
  "-",
  "+",
  "_1",
  "0x",
  "0x_1",
  "1e3",
  "1.0",
  " 1",
  "1 ",
  "08x",
  "0b2",
  "0o8",
  "1a",
  "--1",
  "９",
  "9007199254740992",
])("rejects %j", (text) => {
  expect(parseOcamlInt(text)).toBeUndefined();
});
