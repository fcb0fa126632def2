import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lintRules, lintSource, renderLintProblem } from "./lint-source.ts";

const repository = join(import.meta.dirname, "../../../../..");
const page = readFileSync(join(repository, "docs/lint.md"), "utf8");

/** The sections of docs/lint.md about rules, with their two examples as specs. */
const sections = page
  .split(/^### /m)
  .slice(1)
  .map((section) => ({
    name: section.split("\n")[0] ?? "",
    severity: /^Severity: (\w+)\. /m.exec(section)?.[1],
    examples: [...section.matchAll(/^```lisp\n(.*?)^```/gms)].map(([, block = ""]) => asSpec(block)),
  }));

function asSpec(block: string): string {
  return block.startsWith("((") ? block : `((from base)\n${block})`;
}

function found(text: string): readonly (string | undefined)[] {
  return lintSource(text).map(({ rule, message }) => rule ?? message);
}

describe("docs/lint.md", () => {
  test("has a section for every rule, with its severity", () => {
    expect(sections.map(({ name, severity }) => ({ name, severity }))).toEqual(
      lintRules.map(({ name, severity }) => ({ name, severity })),
    );
  });

  test.each(sections)("shows what $name reports, and what it does not", ({ name, examples }) => {
    const [reported = "", fine = "", ...more] = examples;
    expect(more).toEqual([]);
    expect([...new Set(found(reported))]).toEqual([name]);
    expect(found(fine)).toEqual([]);
  });

  test("shows a problem as it is printed", () => {
    const text = '((from debian-12-amd64)\n (run (shell "sudo apt-get install -y make")))';
    const [problem, ...more] = lintSource(text);
    expect(more).toEqual([]);
    expect(page).toContain(problem && renderLintProblem(problem, { file: "example.spec", text }));
  });

  test("has a spec whose comments disable what would be found", () => {
    const [, text = ""] = /## Disabling.*?```lisp\n(.*?)```/s.exec(page) ?? [];
    expect(found(text)).toEqual([]);
    expect(found(text.replaceAll(/;.*/g, ""))).toEqual(
      ["network-needed", "relative-workdir", "no-effect"].toSorted(),
    );
  });
});

test("the specs of this repository have no problems but these", () => {
  const specs = ["examples/**/*.spec", "e2e/corpus/cases/*/build.spec"].flatMap((pattern) =>
    globSync(pattern, { cwd: repository }),
  );
  expect(specs.length).toBeGreaterThan(20);
  const problems = specs
    .toSorted()
    .flatMap((file) =>
      lintSource(readFileSync(join(repository, file))).map(
        ({ rule, start, message }) => `${file}:${start.line} ${rule ?? message}`,
      ),
    );
  expect(problems).toMatchInlineSnapshot(`
    [
      "e2e/corpus/cases/bad-network/build.spec:3 unknown-network",
      "e2e/corpus/cases/bad-operation/build.spec:3 unknown field "dts" in (copy ...): expected from, src, dst or exclude",
      "e2e/corpus/cases/bad-parent/build.spec:2 source-outside",
      "e2e/corpus/cases/dockerfile/build.spec:9 unexpanded-variable",
      "e2e/corpus/cases/env-values/build.spec:4 unexpanded-variable",
      "e2e/corpus/cases/env-values/build.spec:12 unexpanded-variable",
      "e2e/corpus/cases/exclude/build.spec:4 doubled-directory",
      "e2e/corpus/cases/opam-check-failure/build.spec:6 network-needed",
      "e2e/corpus/cases/tarball/build.spec:7 relative-workdir",
      "e2e/corpus/cases/workdir-chain/build.spec:5 relative-workdir",
      "e2e/corpus/cases/workdir-chain/build.spec:6 relative-workdir",
      "e2e/corpus/cases/workdir-chain/build.spec:10 relative-workdir",
    ]
  `);
});
