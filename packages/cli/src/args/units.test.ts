import { describe, expect, it } from "vitest";
import { formatAge, formatDuration, formatSize, parseSize, parseDuration } from "./units.ts";

describe("parseSize", () => {
  it.each([
    ["16", 16 * 2 ** 30],
    ["1.5", 1.5 * 2 ** 30],
    ["512M", 512 * 2 ** 20],
    ["512MiB", 512 * 2 ** 20],
    ["2gb", 2 * 2 ** 30],
    ["64k", 64 * 2 ** 10],
    ["1T", 2 ** 40],
  ])("of %s is %d bytes", (text, bytes) => {
    expect(parseSize(text, "--size")).toBe(bytes);
  });

  it.each(["", "0", "-1", "G", "1e3", "1 0", "5P", "0.0000000001", "99999999999999T"])(
    "refuses %j",
    (text) => {
      expect(() => parseSize(text, "--size")).toThrow("--size: invalid size");
    },
  );
});

describe("parseDuration", () => {
  it.each([
    ["90s", 90_000],
    ["45m", 2_700_000],
    ["12h", 43_200_000],
    ["7d", 604_800_000],
    ["2w", 1_209_600_000],
    ["1.5d", 129_600_000],
    ["0s", 0],
  ])("of %s is %d ms", (text, milliseconds) => {
    expect(parseDuration(text, "--older-than")).toBe(milliseconds);
  });

  it.each(["", "7", "d", "7 days", "-1d"])("refuses %j", (text) => {
    expect(() => parseDuration(text, "--older-than")).toThrow("--older-than: invalid duration");
  });
});

describe("formatDuration", () => {
  it.each([
    [0, "0.0s"],
    [312, "0.3s"],
    [12_440, "12.4s"],
    [59_949, "59.9s"],
    [59_999, "1m 00s"],
    [63_000, "1m 03s"],
    [7_500_000, "2h 05m"],
  ])("of %d ms is %s", (milliseconds, text) => {
    expect(formatDuration(milliseconds)).toBe(text);
  });
});

describe("formatSize", () => {
  it.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [10_240, "10 KiB"],
    [2 ** 20 - 1, "1.0 MiB"],
    [1.5 * 2 ** 30, "1.5 GiB"],
    [9.96 * 2 ** 30, "10 GiB"],
    [2 ** 53, "8192 TiB"],
  ])("of %d is %s", (bytes, text) => {
    expect(formatSize(bytes)).toBe(text);
  });
});

describe("formatAge", () => {
  it.each([
    [-5, "0s"],
    [59_999, "59s"],
    [60_000, "1m"],
    [3_599_999, "59m"],
    [86_399_999, "23h"],
    [40 * 86_400_000, "40d"],
  ])("of %d ms is %s", (milliseconds, text) => {
    expect(formatAge(milliseconds)).toBe(text);
  });
});
