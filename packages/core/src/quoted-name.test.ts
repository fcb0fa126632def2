import { expect, test } from "vitest";
import { quotedName } from "./quoted-name.ts";

test.each([
  ["plain ü 日本", '"plain ü 日本"'],
  ['a"b\\c', String.raw`"a\"b\\c"`],
  ["two\nlines", String.raw`"two\nlines"`],
  ["\u001b]0;x\u0007", String.raw`"\u{1b}]0;x\u{7}"`],
  ["\u009b2J", String.raw`"\u{9b}2J"`],
  ["a\u202etxt.exe", String.raw`"a\u{202e}txt.exe"`],
  ["caf\udce9", String.raw`"caf\xe9"`],
  ["x".repeat(300), `"${"x".repeat(200)}…"`],
])("the name %j cannot drive a terminal", (name, shown) => {
  expect(quotedName(name)).toBe(shown);
});
