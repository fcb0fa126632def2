import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTerminalFilter } from "./terminal-filter.ts";

/** What a terminal gets of output that comes in these pieces. */
function filtered(...pieces: readonly (string | Uint8Array)[]): string {
  const filter = createTerminalFilter();
  return pieces.map((piece) => filter.push(Buffer.from(piece as Uint8Array))).join("") + filter.end();
}

describe("the filter of output on a terminal", () => {
  it.each([
    ["text", "a\tb\nünïcode 日本 👍\n"],
    ["joined characters", "👩\u200d👧 می\u200cخواهم co\u00adop"],
    ["progress bars", "10%\r\x1b[K 50%\r\x1b[2K100%\b\b\n"],
  ])("lets through: %s", (_what, text) => {
    expect(filtered(text)).toBe(text);
  });

  it("lets colours and styles through, and ends them with the output", () => {
    expect(filtered("\x1b[38;5;1mred\x1b[8m")).toBe("\x1b[38;5;1mred\x1b[8m\x1b[0m");
  });

  it.each([
    ["moving the cursor", "a\x1b[5A\x1b[1;1H\x1b7\x1b8\x1bMb"],
    ["clearing the screen", "a\x1b[2J\x1b[3Jb"],
    ["modes and the alternate screen", "a\x1b[?1049h\x1b[?25l\x1b[>4;2mb"],
    ["questions that the terminal answers as if typed", "a\x1b[c\x1b[6n\x1b[21t\x05\x1bZb"],
    ["titles, links and the clipboard", "a\x1b]0;t\x07\x1b]8;;http://x.example\x1b\\\x1b]52;c;cm0=\x9cb"],
    ["device control strings", "a\x1bP+q544e\x1b\\\x1b_x\x1b\\\x1b^y\x1b\\\x1bXz\x1b\\b"],
    ["reset, character sets, lone escapes", "a\x1bc\x1b(0\x1b#8\x1b\x1b\x1b\x18b"],
    ["text without width, tags, other ends of lines", "a\u200b\ufeff\u2060\u{e0041}\u2028b"],
    ["one-byte controls", "a\x00\x07\x0b\x0c\x0e\x0f\x7f\u0085\u009b\u202e\u2066\u200fb"],
  ])("removes: %s", (_what, text) => {
    expect(filtered(text)).toBe("ab");
  });

  it("waits for the rest of a sequence or a character, and no longer than 4,096 characters", () => {
    const euro = Buffer.from("€");
    expect(filtered("a\x1b", "]0;ti", "tle\x1b", "\\b", euro.subarray(0, 1), euro.subarray(1))).toBe("ab€");
    expect(filtered("\x1b[", "3", "1mred")).toBe("\x1b[31mred\x1b[0m");
    const filter = createTerminalFilter();
    filter.push(Buffer.from(`\x1b]0;${"x".repeat(5_000)}`));
    expect(filter.push(Buffer.from("seen\n"))).toBe("seen\n");
  });

  it("shows the lines that follow a string without an end", () => {
    expect(filtered("a\x1b]0;title\nb\n")).toBe("a\nb\n");
  });

  it("never lets another escape through, whatever the bytes and their pieces", () => {
    const parts = [
      "\x1b",
      "[",
      "]",
      "P",
      "0",
      ";",
      "?",
      "m",
      "K",
      "J",
      "\x07",
      "\\",
      "\n",
      "\x9b",
      " ",
      "\x00",
    ];
    const piece = fc.array(fc.constantFrom(...parts), { maxLength: 12 }).map((chosen) => chosen.join(""));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        // oxlint-disable-next-line no-control-regex -- it matches escapes.
        const rest = filtered(...pieces).replace(/\x1b\[(?:[0-9;:]*m|[0-2]?K)/g, "");
        // oxlint-disable-next-line no-control-regex -- it matches control characters.
        expect(rest).not.toMatch(/[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]/);
      }),
      { numRuns: 2_000 },
    );
  });
});
