import { describe, expect, test } from "vitest";
import { decide, type IgnoreRules, mayIncludeBelow, type Verdict } from "./ignore-rules.ts";
import { parseIgnoreFile } from "./parse-ignore-file.ts";

const rules = (...lines: string[]): IgnoreRules => parseIgnoreFile(lines.join("\n"), ".dockerignore");

/** True if the patterns ignore the path, judged from the source directory down. */
function ignores(given: IgnoreRules, path: string): boolean {
  let verdict: Verdict | undefined;
  const parts = path.split("/");
  for (const index of parts.keys()) verdict = decide(given, parts.slice(0, index + 1).join("/"), verdict);
  return verdict?.ignoredBy !== undefined;
}

describe("a pattern", () => {
  // Docker's rules: its documentation, and what its own matcher does with them.
  test.each<[pattern: string, ignored: readonly string[], kept: readonly string[]]>([
    ["node_modules", ["node_modules", "node_modules/a/b"], ["a/node_modules", "node_modules2"]],
    ["/a", ["a", "a/b"], ["b/a"]],
    ["a/", ["a", "a/b"], ["b/a"]],
    ["./a//b/../c", ["a/c"], ["a/b", "c"]],
    ["../a", [], ["a"]],
    ["/", [], ["a"]],
    ["*", ["a", "a/b", ".git"], []],
    ["*.o", ["x.o", ".o", "x.o/y"], ["a/x.o", "x.o2", "xo"]],
    ["*/temp*", ["a/temp", "a/temporary.txt"], ["temp", "a/b/temp"]],
    ["temp?", ["tempa", "temp\u{1F642}"], ["temp", "temp/x", "tempab"]],
    ["**", ["a", "a/b"], []],
    ["**/*.go", ["x.go", "a/x.go", "a/b/x.go"], ["x.g", "go"]],
    ["**/foo", ["foo", "a/foo", "a/foo/b"], ["xfoo", "a/xfoo"]],
    ["**foo", ["foo", "xfoo", "a/xfoo"], ["food"]],
    ["a/**", ["a/b", "a/b/c"], ["a", "b/a/c"]],
    ["a/**/z", ["a/z", "a/b/z", "a/b/c/z"], ["a", "az", "a/zz"]],
    ["a**z", ["az", "a/z", "axx/z"], ["axz"]],
    ["**/**/**/x", ["x", "a/x", "a/b/c/d/x"], ["xx"]],
    ["[a-c]x", ["ax", "cx"], ["dx", "-x", "bx2"]],
    ["[^a-c]x", ["dx"], ["ax", "x"]],
    ["[!a]x", ["!x", "ax"], ["bx"]],
    ["[\\]-]x", ["]x", "-x"], ["\\x"]],
    ["\\*", ["*"], ["a"]],
    ["\\!a", ["!a"], ["a"]],
    ["\\d", ["d"], ["1"]],
    ["a b", ["a b"], ["a", "b"]],
    ["c++", ["c++"], ["c", "cc"]],
    ["*.c++", ["x.c++"], ["x.c", "x.ccc"]],
    ["a(1)*", ["a(1).txt"], ["a1.txt"]],
    ["x|y?", ["x|yz"], ["x", "yz"]],
    ["a{2}*", ["a{2}"], ["aa"]],
    ["$x^*", ["$x^"], ["x"]],
    ["README*", ["README.md"], ["readme.md"]],
    ["constructor", ["constructor"], ["toString", "__proto__"]],
    ["a\uDCFFb?", ["a\uDCFFb\uDCFE"], ["a\uDCFFb"]],
  ])("%j", (pattern, ignored, kept) => {
    const given = rules(pattern);
    expect(ignored.filter((path) => !ignores(given, path))).toEqual([]);
    expect(kept.filter((path) => ignores(given, path))).toEqual([]);
  });

  test.each(["# a", "", "   ", "\t", ".", "./", "a/.."])("that is %j ignores nothing", (line) => {
    expect(rules(line).patterns).toEqual([]);
  });

  test.each([
    ["[a", "its [ has no ]"],
    ["a[]", "its [ has no ]"],
    ["[z-a]", "not a set of characters"],
    ["a*\\", "nothing after its last"],
    ["!", "nothing after the !"],
    ["! ", "nothing after the !"],
    ["x".repeat(4_097), "longer than any path"],
  ])("that is %.10j is an error with its line", (line, why) => {
    const error = {
      code: "BAD_SOURCE",
      message: expect.stringMatching(/^\.dockerignore:3: .* is not a pattern: /),
    };
    expect(() => rules("a", "# b", line)).toThrow(expect.objectContaining(error));
    expect(() => rules("a", "# b", line)).toThrow(why);
  });

  test.each(["*a*a*a*a*a*a*a*a*b", "**/a**/a**/a**/a**/a**/b", "*a*a*a*b"])(
    "with many wildcards needs little time: %s",
    (pattern) => {
      const given = rules(pattern);
      const start = performance.now();
      expect(ignores(given, "a".repeat(255))).toBe(false);
      // A backtracking matcher needs years.
      expect(performance.now() - start).toBeLessThan(5_000);
    },
  );
});

describe("the lines of a file", () => {
  test("may end with a carriage return, and begin with a byte order mark", () => {
    const given = parseIgnoreFile("\uFEFFa\r\n# b\r\n  c  \r\n", "f");
    expect(given.patterns.map(({ line, text }) => [line, text])).toEqual([
      [1, "a"],
      [3, "c"],
    ]);
  });

  test("a # after a blank is part of a pattern, as in Docker", () => {
    expect(ignores(rules(" #a"), "#a")).toBe(true);
  });

  test("the last that matches decides", () => {
    const given = rules("*.md", "!README*.md", "README-secret.md");
    const names = ["a.md", "README.md", "README-x.md", "README-secret.md", "a.txt"];
    expect(names.filter((name) => !ignores(given, name))).toEqual(["README.md", "README-x.md", "a.txt"]);
    expect(ignores(rules("*.md", "README-secret.md", "!README*.md"), "README-secret.md")).toBe(false);
  });

  test("an exception counts below an ignored directory, and for all below it", () => {
    const given = rules("d", "! d/keep ", "d/keep/x/no");
    expect(["d", "d/a", "d/keep/x/no"].filter((path) => !ignores(given, path))).toEqual([]);
    expect(["d/keep", "d/keep/a", "d/keep/x"].filter((path) => ignores(given, path))).toEqual([]);
  });

  test("have a limit", () => {
    expect(() => parseIgnoreFile("a\n".repeat(10_001), "f")).toThrow("f has more than 10000 patterns.");
  });
});

test.each<[exception: string, may: readonly string[], never: readonly string[]]>([
  ["!a/b/c", ["a", "a/b"], ["b", "a/b/c", "a/x", "a/b/c/d"]],
  ["!*.md", [], ["a", "a/b"]],
  ["!a/*.md", ["a"], ["b", "a/b"]],
  ["!*/x", ["a"], ["a/b"]],
  ["!**/x", ["a", "a/b/c"], []],
  ["!a/**", ["a", "a/b"], ["b"]],
  ["a/b", [], ["a"]],
])("%s can reach only into some directories", (exception, may, never) => {
  const given = rules("*", exception);
  expect(may.filter((directory) => !mayIncludeBelow(given, directory))).toEqual([]);
  expect(never.filter((directory) => mayIncludeBelow(given, directory))).toEqual([]);
});
