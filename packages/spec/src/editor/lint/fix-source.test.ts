import { readFileSync } from "node:fs";
import path from "node:path";
import { array, assert, property, stringMatching } from "fast-check";
import { describe, expect, it, test } from "vitest";
import { toBytes } from "../../byte-text.ts";
import { parseSpec } from "../../parse.ts";
import { fixSource } from "./fix-source.ts";
import { lintSource } from "./lint-source.ts";

const repository = path.resolve(import.meta.dirname, "../../../../..");
const spec = (...ops: readonly string[]) => `((from base)\n ${ops.join("\n ")}\n)\n`;

describe("fixSource", () => {
  test.each([
    [
      "apt-get-yes",
      '(run (network host) (shell "sudo apt-get install make"))',
      '(run (network host) (shell "sudo apt-get install -y make"))',
    ],
    [
      "apt-get-yes",
      '(run (network host) (shell "apt -o A=b install a && \\"apt-get\\" install b"))',
      '(run (network host) (shell "apt -o A=b install -y a && \\"apt-get\\" install -y b"))',
    ],
    ["several-sources", "(copy (src a b) (dst data))", "(copy (src a b) (dst data/))"],
    ["several-sources", '(copy (src a b) (dst "my data"))', '(copy (src a b) (dst "my data/"))'],
    ["old-form", "(copy (from context) (src a) (dst b))", "(copy (src a) (dst b))"],
    ["old-form", "(copy ; all\n  (from context) (src a) (dst b))", "(copy ; all\n (src a) (dst b))"],
    [
      "relative-workdir",
      "(workdir /a/) (workdir b) (run (shell make))",
      "(workdir /a/) (workdir /a/b) (run (shell make))",
    ],
    [
      "relative-workdir",
      '(workdir "my x") (workdir b) (run (shell make))',
      '(workdir "/my x") (workdir "/my x/b") (run (shell make))',
    ],
    [
      "unknown-rule",
      "; obuilder-lint-disable relative-workdirs\n (workdir /a) (run (shell make))",
      "; obuilder-lint-disable relative-workdir\n (workdir /a) (run (shell make))",
    ],
  ])("mends %s: %j", (rule, given, expected) => {
    expect(lintSource(spec(given)).map((problem) => problem.rule)).toContain(rule);
    expect(fixSource(spec(given)).text).toBe(spec(expected));
    expect(lintSource(spec(expected)).filter((problem) => problem.rule === rule)).toEqual([]);
  });

  test.each([
    // What a network gives is for the author to decide.
    '(run (shell "apt-get install -y make"))',
    // Its place is not known.
    '(run (network host) (shell "apt-get \\x69nstall make"))',
    // Another directory before it, whose value is not known.
    "(workdir C:\\\\x) (workdir b) (run (shell make))",
    "(workdir /a) ; obuilder-lint-disable relative-workdir\n (workdir b) ; obuilder-lint-disable relative-workdir\n (run (shell x))",
  ])("leaves %j as it is", (given) => {
    expect(fixSource(spec(given))).toEqual({ text: spec(given), fixed: 0 });
  });

  it("leaves a text that is not a spec as it is", () => {
    expect(fixSource("((from a) (workdir b)")).toEqual({ text: "((from a) (workdir b)", fixed: 0 });
  });

  it("counts what it has mended, and keeps bytes that are not UTF-8", () => {
    const given = Buffer.from('; \xff\n((from base) (workdir a) (run (shell "apt install \xfe")))', "latin1");
    const { text, fixed } = fixSource(given);
    expect(fixed).toBe(2);
    const expected = '; \xff\n((from base) (workdir /a) (run (shell "apt install -y \xfe")))';
    expect(Buffer.from(toBytes(text)).toString("latin1")).toBe(expected);
  });

  it("makes no text of the examples of docs/lint.md that is not a spec, and finds nothing more in it", () => {
    const page = readFileSync(path.join(repository, "docs/lint.md"), "utf8");
    const blocks = [...page.matchAll(/^```lisp\n(.*?)^```$/gms)].map(([, code = ""]) => code);
    const specs = blocks.map((code) => (code.startsWith("((") ? code : `((from base)\n${code})`));
    expect(specs.length).toBeGreaterThan(40);
    for (const text of specs) {
      const { text: mended, fixed } = fixSource(text);
      parseSpec(mended);
      expect(lintSource(mended).length).toBe(lintSource(text).length - fixed);
      expect(fixSource(mended)).toEqual({ text: mended, fixed: 0 });
    }
  });

  it("keeps the directory of each step", () => {
    const directories = array(stringMatching(/^[/a-z. ]{1,6}$/), { minLength: 1, maxLength: 4 });
    assert(
      property(directories, (names) => {
        const text = spec(...names.map((name) => `(workdir "${name}") (run (shell make))`));
        const resolve = (source: string) =>
          parseSpec(source).ops.reduce<readonly string[]>((all, op) => {
            const last = all.at(-1) ?? "/";
            if (op.op !== "workdir") return all;
            if (op.directory.startsWith("/")) return [...all, op.directory];
            return [...all, `${last}${last.endsWith("/") ? "" : "/"}${op.directory}`];
          }, []);
        expect(resolve(fixSource(text).text)).toEqual(resolve(text));
      }),
    );
  });
});
