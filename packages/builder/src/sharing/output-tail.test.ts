import { expect, test } from "vitest";
import { OutputTail } from "./output-tail.ts";

function tailOf(...parts: readonly string[]): string {
  const tail = new OutputTail();
  for (const part of parts) tail.push(Buffer.from(part));
  return tail.text();
}

test("the last ten lines that are not blank are kept, however they arrive", () => {
  const lines = Array.from({ length: 12 }, (_, index) => `line ${index}\n\n`);
  expect(tailOf(...lines)).toBe(Array.from({ length: 10 }, (_, index) => `line ${index + 2}`).join("\n"));
  expect(tailOf("no ", "end")).toBe("no end");
  expect(tailOf()).toBe("");
});

test("a flood is bounded, and of an endless line the end is shown", () => {
  expect(tailOf("x".repeat(1 << 20), "y")).toBe(`${"x".repeat(499)}y`);
  const many = tailOf("a line\n".repeat(100_000));
  expect(many).toBe(Array.from({ length: 10 }, () => "a line").join("\n"));
});

test("a line that was cut at its start is not shown if others follow", () => {
  expect(tailOf(`${"x".repeat(10_000)}\nlast\n`)).toBe("last");
});
