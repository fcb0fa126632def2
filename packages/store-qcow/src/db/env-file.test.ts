import { array, assert, property, string, tuple } from "fast-check";
import { describe, expect, it } from "vitest";
import { parseEnvironment, printAtom, printEnvironment } from "./env-file.ts";

describe("a base layer's env file", () => {
  it.each([
    ["((env ()))", []],
    ["((env ((PATH /bin:/usr/bin))))\n", [["PATH", "/bin:/usr/bin"]]],
    [
      '((env ((A "b c") (D "")))) ',
      [
        ["A", "b c"],
        ["D", ""],
      ],
    ],
    [
      '((env\n  ((LONG\n    "one two \\\n     three")\n   (Q "\\"\\\\\\195\\164"))))',
      [
        ["LONG", "one two three"],
        ["Q", '"\\ä'],
      ],
    ],
  ])("is parsed as the original writes it: %s", (text, environment) => {
    expect(parseEnvironment(text, "env")).toEqual(environment);
  });

  it.each([
    "",
    "()",
    "((env))",
    "((env ((A)))",
    "((env ((A b c))))",
    "((envy ()))",
    "((env (A)))",
    "((env ()) x)",
  ])("is rejected if it contains anything else: %s", (text) => {
    expect(() => parseEnvironment(text, "result/x/env")).toThrow(
      /result\/x\/env does not hold an environment/,
    );
  });

  it("is read as it was written", () => {
    assert(
      property(array(tuple(string({ unit: "grapheme" }), string({ unit: "grapheme" }))), (pairs) => {
        expect(parseEnvironment(printEnvironment(pairs), "env")).toEqual(pairs);
      }),
    );
  });
});

describe("an atom", () => {
  it.each([
    ["debian-12", "debian-12"],
    ["", '""'],
    ["a b", '"a b"'],
    ["a;b", '"a;b"'],
    ["a#b", "a#b"],
    ["a|#", '"a|#"'],
    ["ä\n", '"\\195\\164\\n"'],
  ])("is printed in the machine form: %j", (atom, printed) => {
    expect(printAtom(atom)).toBe(printed);
  });
});
