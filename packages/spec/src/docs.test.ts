import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatSpec, parseSpec, SpecError, toDockerfile } from "./index.ts";

const repository = join(import.meta.dirname, "../../..");
const pages = readdirSync(join(repository, "docs")).filter((name) => name.endsWith(".md"));

/** The specs in the code blocks of a document. A single operation is made a spec. */
function specsIn(document: string): readonly string[] {
  const text = readFileSync(join(repository, document), "utf8");
  const blocks = [...text.matchAll(/^```lisp\n(.*?)^```/gms)].map(([, block = ""]) => block);
  return blocks.map((block) => (block.startsWith("((") ? block : `((from base)\n${block})`));
}

const examples = ["README.md", ...pages.map((name) => join("docs", name))].flatMap((document) =>
  specsIn(document).map((spec) => ({ document, spec })),
);

test("the docs contain specs as examples", () => {
  expect(new Set(examples.map(({ document }) => document))).toEqual(
    new Set(["README.md", "docs/cache.md", "docs/lint.md", "docs/spec.md"]),
  );
});

test.for(examples)("a spec in $document parses, and its printed form is the same spec", ({ spec }) => {
  const parsed = parseSpec(spec, { file: "example.spec" });
  expect(parseSpec(formatSpec(parsed), { file: "printed.spec" })).toEqual(parsed);
});

test("the errors that the README shows are those of such a spec", () => {
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  const [, shown] = /^```\n(hello\.spec:.*?)\n```$/ms.exec(readme) ?? [];
  const spec = `((build tools ((from debian-12)))
 (from debian-12)
 (run (shell make test))
 (copy (from (build tool)) (src /a) (dst /b)))`;
  const error = errorOf(() => parseSpec(spec, { file: "hello.spec" }));
  expect(error).toBeInstanceOf(SpecError);
  expect(shown).toBe(error instanceof SpecError ? error.message : undefined);
});

/** The rows of a table in docs/spec.md: the code in the first two columns. */
const instructions = [
  ...readFileSync(join(repository, "docs/spec.md"), "utf8").matchAll(
    /^\| `([^`]+)` +\| `(\([^`]+)` +\|.*\|$/gm,
  ),
].flatMap(([, instruction = "", item = ""]) =>
  /^(?:[A-Z]{3,} |#)/.test(instruction) ? [{ instruction, item }] : [],
);

test("docs/spec.md has a table of a Dockerfile's instructions", () => {
  expect(instructions.length).toBeGreaterThan(10);
});

test.for(instructions)(
  "$item is $instruction in a Dockerfile, as docs/spec.md says",
  ({ instruction, item }) => {
    const tools = item.includes("(build tools)") ? "(build tools ((from base)))" : "";
    const spec = /^\((?:from|build)/.test(item) ? item : `${tools} (from base) ${item}`;
    const whole =
      spec.includes("(from") && !/^\(build tools \(\(from base\)\)\)$/.test(spec)
        ? spec
        : `${spec} (from base)`;
    const dockerfile = toDockerfile(parseSpec(`(${whole})`), { buildkit: true });
    expect(dockerfile.split("\n")).toContain(instruction);
  },
);

function errorOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}
