import { expect, test } from "vitest";
import { parseSpec } from "./parse.ts";

function warnings(text: string): readonly string[] {
  const found: string[] = [];
  parseSpec(text, { file: "x.spec", onWarning: (warning) => found.push(warning) });
  return found;
}

test("a pattern in (exclude ...) is a warning with its line, and where patterns belong", () => {
  const text = "((from base)\n (copy (src .) (dst .) (exclude .git *.o)))";
  expect(warnings(text)).toEqual([
    `x.spec:2:38: (exclude ...) takes names of files and directories: "*.o" is not read as a pattern or a path
  2 |  (copy (src .) (dst .) (exclude .git *.o)))
    |                                      ^^^
  hint: write patterns and paths into a file .obuilderignore in the source directory`,
  ]);
});

test.each(["*.o", "a?", "[ab]", "!keep", "_build/default", "**"])("%s is reported as a pattern", (name) => {
  expect(warnings(`((from base) (copy (src .) (dst .) (exclude "${name}")))`)).toHaveLength(1);
  expect(warnings(`((from base) (Copy ((src .) (dst .) (exclude "${name}"))))`)).toHaveLength(1);
});

test.each([".git", "_build", "a.b", "a!"])("%s is not reported as a pattern", (name) => {
  expect(warnings(`((from base) (copy (src .) (dst .) (exclude "${name}")))`)).toEqual([]);
});

test("an arg without braces is reported where its value was probably meant", () => {
  const text = `((arg B x) (from $B) (arg V 1) (workdir /src/$V) (env A "$V $HOME") (run (shell "echo $V")) (env E "\\\\$V"))`;
  expect(warnings(text).map((warning) => warning.split("\n")[0])).toEqual([
    'x.spec:1:32: "$V" is text, and not the value of the arg',
    'x.spec:1:50: "$V" is text, and not the value of the arg',
    'x.spec:1:1: "$B" is text, and not the value of the arg',
  ]);
  expect(warnings('((from base) (env A "$V"))')).toEqual([]);
});

test("in a copy from a build the hint names no ignore file, which does not count there", () => {
  const text =
    '((build b ((from base))) (from base) (copy (from (build b)) (src /a) (dst .) (exclude "*.o")))';
  expect(warnings(text)).toEqual([expect.stringContaining("hint: copy single directories of the build")]);
});
