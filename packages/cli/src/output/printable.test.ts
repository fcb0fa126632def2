import { describe, expect, it } from "vitest";
import { jsonLine, printable, printableLine } from "./printable.ts";

describe("printable", () => {
  it("keeps text as it is, in any script, with tabs and newlines", () => {
    const text = "a\tb\nünïcode 日本 👍 שלום";
    expect(printable(text)).toBe(text);
  });

  it.each([
    ["control sequences", "a\x1b[31mred\x1b[2J\x1b]0;title\x07b", "aredb"],
    ["what is left of a sequence", "a\x1b", "a\\x1b"],
    ["C0 and DEL", "a\x00\x07\x08\rb\x7f", "a\\x00\\x07\\x08\\x0db\\x7f"],
    ["C1", "a\x85\x90b", "a\\x85\\x90b"],
    ["directions of text", "user\u202e\u2066 txt.exe\u200f", "user\\u202e\\u2066 txt.exe\\u200f"],
    ["characters without width", "pay\u200bpal\ufeff\u2060", "pay\\u200bpal\\ufeff\\u2060"],
    ["tags", "a\u{e0041}b", "a\\u{e0041}b"],
    ["other ends of lines", "a\u2028b\u2029", "a\\u2028b\\u2029"],
    ["half a character", "a\ud800b", "a\\ud800b"],
    ["line ends of Windows", "a\r\nb", "a\nb"],
  ])("does not let through: %s", (_what, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  it("puts a name on one line", () => {
    expect(printableLine("a\nobuilder: fine")).toBe(String.raw`a\nobuilder: fine`);
  });
});

describe("jsonLine", () => {
  it("writes the same value, without characters that control a terminal", () => {
    const value = { text: "a\x1b[31m\x9b\x7f\u202eb\n", list: ["\u2066", "\u200b\u{e0041}\u2028"] };
    const line = jsonLine(value);
    expect(JSON.parse(line)).toEqual(value);
    expect(line).toMatch(/^[ -~]*$/);
  });
});
