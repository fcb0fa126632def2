import { expect, test } from "vitest";
import { HeldLines } from "./held-lines.ts";

test("lines that are held are given back once", () => {
  const held = new HeldLines();
  held.add(["a", ""]);
  held.add(["b"]);
  expect(held.take()).toEqual(["a", "", "b"]);
  expect(held.take()).toEqual([]);
});

test("of many lines the last are kept, and a line says how many were dropped", () => {
  const held = new HeldLines();
  const count = 1_000_000;
  for (let line = 0; line < count; line += 1000) {
    held.add(Array.from({ length: 1000 }, (_, index) => String(line + index)));
  }
  const [note = "", ...kept] = held.take();
  expect(kept.join("\n").length).toBeLessThanOrEqual(131_072);
  expect(kept.at(-1)).toBe(String(count - 1));
  expect(note).toBe(`… ${count - kept.length} more lines are in the log`);
});
