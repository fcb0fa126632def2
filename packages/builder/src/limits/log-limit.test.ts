import { expect, test } from "vitest";
import { clipOutput } from "./log-limit.ts";

function clipped(limit: number, ...parts: readonly string[]): string {
  let all = "";
  const write = clipOutput((bytes) => {
    all += Buffer.from(bytes).toString();
  }, limit);
  for (const part of parts) void write(Buffer.from(part));
  return all;
}

test("output that fits passes unchanged, and what exceeds the limit becomes one line", () => {
  expect(clipped(6, "abc", "def")).toBe("abcdef");
  expect(clipped(5, "abc", "def", "ghi", "jkl")).toBe("abcde\n[output clipped, log limit 5 bytes reached]\n");
  expect(clipped(1536, "x".repeat(2000))).toBe(
    `${"x".repeat(1536)}\n[output clipped, log limit 1.5 KiB reached]\n`,
  );
});

test("without a limit nothing is dropped", () => {
  expect(clipped(0, "abc", "def")).toBe("abcdef");
});
