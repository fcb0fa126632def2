import { describe, expect, test } from "vitest";

import { fromBytes } from "./byte-text.ts";
import type { Sexp } from "./sexp.ts";
import { sexpToMachine } from "./sexp-print.ts";

describe("sexpToMachine", () => {
  test("writes a blank only between two bare atoms", () => {
    expect(sexpToMachine(["a", "b", ["c"], "d", "e f", "g", [], "h"])).toBe('(a b(c)d"e f"g()h)');
  });

  test.each(["", " ", "a b", '"', "(", ")", ";", "\\", "\t", "\n", "\u0000", "\u007F", "é", "a#|b", "a|#b"])(
    "quotes %j",
    (atom) => {
      expect(sexpToMachine(atom)).toMatch(/^".*"$/);
    },
  );

  test.each([
    "a",
    "#",
    "|",
    "a#b",
    "a|b",
    "#hash",
    "it's",
    "/a:b,c",
    "[y]",
    "{x}",
    "$HOME",
    "%PATH%",
    "~",
    "!",
  ])("does not quote %j", (atom) => {
    expect(sexpToMachine(atom)).toBe(atom);
  });

  test("escapes as the original does", () => {
    expect(sexpToMachine("\n\t\r\b\"\\\u0001\u007F'é")).toBe(String.raw`"\n\t\r\b\"\\\001\127'\195\169"`);
    expect(sexpToMachine(fromBytes(Uint8Array.of(0xff, 0x41)))).toBe(String.raw`"\255A"`);
  });

  test("accepts a list of any depth", () => {
    let sexp: Sexp = "x";
    for (let depth = 0; depth < 100_000; depth++) sexp = [sexp];
    expect(sexpToMachine(sexp)).toBe(`${"(".repeat(100_000)}x${")".repeat(100_000)}`);
  });
});
