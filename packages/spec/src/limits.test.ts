import { expect, test, vi } from "vitest";

import { toDockerfile } from "./dockerfile.ts";
import { parseSpec } from "./parse.ts";
import { SpecError } from "./spec-error.ts";
import { formatSpec, printMachine } from "./spec-print.ts";

// Generous, for large texts on a loaded machine: the tests check that parsing ends, not how long it takes.
vi.setConfig({ testTimeout: 300_000 });

const deep = 100_000;
const megabytes = 5_000_000;

/** "accepted", or the first error. */
function outcome(text: string | Uint8Array): string {
  try {
    parseSpec(text, { file: "test.spec" });
    return "accepted";
  } catch (error) {
    if (error instanceof SpecError) return error.diagnostics[0]?.message ?? "";
    throw error;
  }
}

test.each([
  ["lists", `${"(".repeat(deep)}${")".repeat(deep)}`],
  ["open lists", "(".repeat(deep)],
  ["closing parentheses", ")".repeat(deep)],
  ["comments", `${"#|".repeat(deep)}${"|#".repeat(deep)}((from`],
  ["skips", `((from b) ${"#;".repeat(deep)} x)`],
  ["builds", `${"((build a ".repeat(deep)}((from b))${")(from b))".repeat(deep)}`],
  ["lists in a field", `((from b)(run(shell ${"(".repeat(deep)}${")".repeat(deep)})))`],
])("%s nested 100,000 deep are an error, not a stack overflow", (_, text) => {
  expect(outcome(text)).not.toBe("accepted");
});

test("comments nested 100,000 deep, and skipped lists, are accepted", () => {
  expect(outcome(`${"#|".repeat(deep)}${"|#".repeat(deep)}((from b))`)).toBe("accepted");
  expect(outcome(`#;${"(".repeat(deep)}${")".repeat(deep)}((from b))`)).toBe("accepted");
});

test("a spec of 5 MB is parsed, printed in every form and parsed again", () => {
  const ops =
    '(run (cache (c (target /c))) (shell "make all"))\n(copy (src a b) (dst /d/))\n(env A "b\\nc")\n';
  const text = `((from base)\n${ops.repeat(megabytes / ops.length)})`;
  const spec = parseSpec(text, { file: "test.spec" });
  const machine = printMachine(spec);
  expect(printMachine(parseSpec(formatSpec(spec), { file: "human.spec" }))).toBe(machine);
  expect(toDockerfile(spec, { escape: "unix" }).match(/^RUN /gm)).toHaveLength(
    Math.floor(megabytes / ops.length),
  );
});

test.each([
  ["one string", `((from base)(run(shell "${"make all; ".repeat(megabytes / 10)}")))`],
  ["a string of escapes", `((from base)(run(shell "${"\\255".repeat(megabytes / 8)}")))`],
  ["one atom", `((from ${"a".repeat(megabytes)}))`],
  ["one op with many arguments", `((from base)(shell ${"a ".repeat(megabytes / 4)}))`],
  ["blanks", `((from base)${" \r\n\t".repeat(megabytes / 4)})`],
  ["comments", `((from base)${"; a\n".repeat(megabytes / 4)})`],
])("%s of some megabytes is parsed", (_, text) => {
  expect(outcome(text)).toBe("accepted");
});

test.each([
  ["parentheses that open", "(".repeat(1_000_000)],
  ["parentheses that close", ")".repeat(1_000_000)],
  ["empty lists", `((from base)${"()".repeat(500_000)})`],
  ["quotes", '"'.repeat(1_000_001)],
  ["carriage returns", "\r".repeat(1_000_000)],
  ["bytes that are not UTF-8", new Uint8Array(1_000_000).fill(0xff)],
  [
    "lines that stand left of what they belong to",
    `((a${" ".repeat(1_000_000)}(b\n${"()\n".repeat(300_000)}`,
  ],
])("a megabyte of %s is rejected with a short message", (_, text) => {
  expect(outcome(text)).not.toBe("accepted");
});

test("many unknown builds among many builds are rejected", () => {
  const builds = Array.from({ length: 20_000 }, (_, index) => `(build b${index} ((from x)))`).join("");
  const copies = Array.from(
    { length: 20_000 },
    (_, index) => `(copy (from (build c${index})) (src a) (dst b))`,
  ).join("");
  expect(outcome(`(${builds}(from x)${copies})`)).toContain('unknown build "c0"');
});
