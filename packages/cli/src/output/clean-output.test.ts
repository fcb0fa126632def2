import { describe, expect, it } from "vitest";
import { cleanLine, createOutputCleaner } from "./clean-output.ts";

const styled = (line: string) => cleanLine(line, { styles: true });

describe("cleanLine", () => {
  it("shows only the last text of an overwritten line", () => {
    expect(styled("10%\r 50%\r100%\r")).toBe("100%");
    expect(styled("windows line end\r")).toBe("windows line end");
  });

  it("takes no longer for carriage returns than for other characters", () => {
    // The time grew with the square of the length, and was a second for 32 KiB.
    expect(styled(`${"\r".repeat(1_000_000)}x`)).toBe("x");
    expect(styled(`x${"\r".repeat(1_000_000)}`)).toBe("x");
  });

  it("passes colours on, and ends them with the line", () => {
    expect(styled("\x1b[31mred\x1b[1m bold")).toBe("\x1b[31mred\x1b[1m bold\x1b[0m");
    expect(cleanLine("\x1b[31mred\x1b[0m", { styles: false })).toBe("red");
  });

  it.each([
    ["clear screen and home", "a\x1b[2J\x1b[Hb"],
    ["cursor up", "a\x1b[5Ab"],
    ["alternate screen", "a\x1b[?1049hb"],
    ["window title", "a\x1b]0;title\x07b"],
    ["hyperlink", "a\x1b]8;;http://x.example\x07b"],
    ["reset", "a\x1bcb"],
    ["one-byte controls", "a\x9b\x00\x07\x08\x0e\x7fb"],
  ])("removes: %s", (_what, line) => {
    expect(styled(line)).toBe("ab");
  });

  it("leaves no escape in sequences that it cannot parse", () => {
    const printed = styled("a\x1bP+q544e\x1b\\b\x1b");
    expect(printed).not.toContain("\x1b");
    expect(printed).toMatch(/^a.*b$/);
  });

  it("keeps tabs and every printable character", () => {
    expect(styled("a\tb ünïcode 日本 👍")).toBe("a\tb ünïcode 日本 👍");
  });
});

const bytes = (text: string) => Buffer.from(text);

describe("createOutputCleaner", () => {
  it("returns complete lines, and the rest as partial", () => {
    const cleaner = createOutputCleaner({ styles: false });
    expect(cleaner.push(bytes("one\ntw"))).toEqual(["one"]);
    expect(cleaner.partial).toBe("tw");
    expect(cleaner.push(bytes("o\n\n"))).toEqual(["two", ""]);
    expect(cleaner.end()).toEqual([]);
  });

  it("returns the last line without an end", () => {
    const cleaner = createOutputCleaner({ styles: false });
    cleaner.push(bytes("no end"));
    expect(cleaner.end()).toEqual(["no end"]);
    expect(cleaner.end()).toEqual([]);
  });

  it("joins characters and control sequences that come in pieces", () => {
    const cleaner = createOutputCleaner({ styles: false });
    const euro = bytes("€");
    expect(cleaner.push(euro.subarray(0, 1))).toEqual([]);
    expect(cleaner.push(Buffer.concat([euro.subarray(1), bytes("\x1b[2")]))).toEqual([]);
    expect(cleaner.push(bytes("J!\n"))).toEqual(["€!"]);
  });

  it("does not wait forever for the end of a line", () => {
    const cleaner = createOutputCleaner({ styles: false });
    const lines = cleaner.push(bytes("x".repeat(20_000)));
    expect(lines.map((line) => line.length)).toEqual([8_192, 8_192]);
    expect(cleaner.end()[0]).toHaveLength(20_000 - 2 * 8_192);
  });
});
