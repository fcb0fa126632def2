import { describe, expect, test } from "vitest";

import type { Problem } from "./problem.ts";
import type { Sexp } from "./sexp.ts";
import { parseExpressions } from "./sexp-parser.ts";
import { toSexp } from "./sexp-tree.ts";

function read(text: string): { readonly sexps: readonly Sexp[]; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const { nodes } = parseExpressions(text, (problem) => problems.push(problem));
  return { sexps: nodes.map(toSexp), problems };
}

function sexps(text: string): readonly Sexp[] {
  const { sexps: found, problems } = read(text);
  expect(problems).toStrictEqual([]);
  return found;
}

function firstProblem(text: string): readonly [string, string] {
  const [problem] = read(text).problems;
  return [problem?.message ?? "", text.slice(problem?.at.start, problem?.at.end)];
}

describe("atoms", () => {
  test("end at blanks, parentheses, quotes and comments, without a separator", () => {
    expect(sexps('a b"c"d(e)f;g\nh')).toStrictEqual(["a", "b", "c", "d", ["e"], "f", "h"]);
  });

  test("can contain # and | but no comment mark", () => {
    expect(sexps("# | ## || a# |a #a a|b")).toStrictEqual(["#", "|", "##", "||", "a#", "|a", "#a", "a|b"]);
    expect(firstProblem("(a#|b)")).toStrictEqual(["'#|' inside of an atom", "#|"]);
    expect(firstProblem("(a |# b)")).toStrictEqual(["'|#' closes a comment, and none is open here", "|#"]);
  });

  test("can contain any other byte, including a vertical tab and a NUL", () => {
    expect(sexps("a\u000Bb\u0000c é")).toStrictEqual(["a\u000Bb\u0000c", "é"]);
  });
});

describe("quoted atoms", () => {
  test.each([
    [String.raw`"\n\t\b\r\\\"\'"`, "\n\t\b\r\\\"'"],
    [String.raw`"\065\x42\x7a"`, "ABz"],
    [String.raw`"\a\ \q"`, String.raw`\a\ \q`],
    ['"a\nb\r\nc\rd"', "a\nb\r\nc\rd"],
    ['"a\\\n \t b"', "ab"],
    ['"a\\\r\n  b"', "ab"],
    ['"a\\\rb"', "a\rb"],
    ['"#| ; ("', "#| ; ("],
    [String.raw`"\230\151\165"`, "日"],
    [String.raw`"\255x"`, "\uDCFFx"],
  ])("%j", (text, atom) => {
    expect(sexps(text)).toStrictEqual([atom]);
  });

  test.each([
    [String.raw`"\256"`, String.raw`\256`],
    [String.raw`"\x4g"`, String.raw`\x4`],
    [String.raw`"\xg"`, String.raw`\x`],
    [String.raw`"\1a"`, String.raw`\1`],
    [String.raw`"\12"`, String.raw`\12`],
  ])("%s is not an escape", (text, escape) => {
    expect(firstProblem(text)[1]).toBe(escape);
  });

  test("report every broken escape", () => {
    expect(read(String.raw`("\300" "\x" "\9")`).problems).toHaveLength(3);
  });
});

describe("comments", () => {
  test.each([
    ["; to the end of the line", "a ; b\nc", ["a", "c"]],
    ["; at the end of the text", "a ; b", ["a"]],
    ["#| |# nested", "a #| b #| c |# d |# e", ["a", "e"]],
    ["#| |# with marks in a row", "a #|##||#|# b #|||# c", ["a", "b", "c"]],
    ["#| |# with a string that holds marks", 'a #| "|# #|" |# b', ["a", "b"]],
    ["#; an atom", "a #;b c", ["a", "c"]],
    ["#; a list", "a #; (b (c)) d", ["a", "d"]],
    ["#; twice", "a #;#; b c d", ["a", "d"]],
    ["#; with another inside", "(a #;(b #;c) d)", [["a", "d"]]],
    ["#; with comments in between", "#; ; b\n #| c |# d e", ["e"]],
  ])("%s", (_, text, expected) => {
    expect(sexps(text)).toStrictEqual(expected);
  });

  test("#; requires an expression to skip", () => {
    expect(firstProblem("(a #;)")[1]).toBe("#;");
    expect(firstProblem("(a) #;")[1]).toBe("#;");
  });

  test("#; can skip an atom at the very end, where the original requires a newline", () => {
    expect(sexps("a #;b")).toStrictEqual(["a"]);
  });

  test("a broken escape in a comment's string is an error as well", () => {
    expect(firstProblem(String.raw`#| "\300" |# a`)[1]).toBe(String.raw`\300`);
  });
});

test("a carriage return must be followed by a newline", () => {
  expect(sexps("(a\r\n b)\r\n")).toStrictEqual([["a", "b"]]);
  expect(firstProblem("(a\r b)")[0]).toBe("a carriage return without a newline after it");
  expect(firstProblem("; a\r b")[0]).toBe("a carriage return without a newline after it");
});

test("an open list is closed at the end, and reported", () => {
  const { sexps: found, problems } = read("(a (b (c) d");
  expect(found).toStrictEqual([["a", ["b", ["c"], "d"]]]);
  expect(problems.map(({ at }) => at.start)).toStrictEqual([3]);
});
