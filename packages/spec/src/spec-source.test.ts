import { expect, test } from "vitest";
import { parseSpec, parseSpecWithSource } from "./parse.ts";

const text = `((build tools ((from base)
   (run (shell make))))
 (from base)
 ; Ünïcode 🚀
 (run
  (cache (a (target /a)) (b (target /b)))
  (network host)
  (shell "x")) (copy (src p q) (dst /d/))
 (Run ((network host) (shell y))))`;
const { spec, source } = parseSpecWithSource(text, { file: "x.spec" });

test("each op has its position, in nested builds too", () => {
  const [run, copy] = spec.ops;
  expect(run && source.locate(run)).toEqual({ file: "x.spec", line: 5, column: 2 });
  expect(copy && source.locate(copy)).toEqual({ file: "x.spec", line: 8, column: 16 });
  const nested = spec.builds[0]?.spec;
  expect(nested?.ops[0] && source.locate(nested.ops[0])).toMatchObject({ line: 2, column: 4 });
  expect(nested && source.locate(nested, { field: "from" })).toMatchObject({ line: 1, column: 16 });
  expect(source.locate(spec, { field: "from", value: 0 })).toMatchObject({ line: 3, column: 8 });
});

test("a field and its values are located, and a part that is not there at its op", () => {
  const [run, copy, capital] = spec.ops;
  if (!run || !copy || !capital) throw new Error("The spec has three ops.");
  expect(source.locate(run, { field: "cache", value: 1 })).toMatchObject({ line: 6, column: 26 });
  expect(source.locate(run, { field: "secrets", value: 1 })).toMatchObject({ line: 5, column: 2 });
  expect(source.locate(copy, { field: "src", value: 1 })).toMatchObject({ line: 8, column: 29 });
  expect(source.locate(capital, { field: "network" })).toMatchObject({ line: 9, column: 8 });
  expect(source.excerpt(run, { field: "network", value: 0 })).toBe(
    "  7 |   (network host)\n    |            ^^^^",
  );
});

test("what was not parsed from the text has no position", () => {
  const other = parseSpec("((from base))");
  expect(source.locate(other)).toBeUndefined();
  expect(source.excerpt(other)).toBe("");
});

test("many ops of a large text are located quickly", () => {
  const ops = Array.from({ length: 20_000 }, (_, index) => `(run (shell "echo ${index}"))`);
  const large = parseSpecWithSource(`((from base)\n${ops.join("\n")})`);
  const lines = large.spec.ops.map((op) => large.source.locate(op)?.line);
  expect(lines.at(-1)).toBe(20_001);
});

test("the name of the text is optional, and arguments of a wrong kind are named", () => {
  expect(parseSpec("((from base))")).toEqual({ builds: [], from: "base", ops: [] });
  expect(() => parseSpec("((from)")).toThrow(/^<spec>:1:1: /);
  for (const [call, message] of [
    // @ts-expect-error -- as from JavaScript
    [() => parseSpec(), "parseSpec takes the text of a spec, a string or a Uint8Array, not undefined."],
    // @ts-expect-error -- as from JavaScript
    [() => parseSpec(["x"]), "not an array."],
    // @ts-expect-error -- as from JavaScript
    [() => parseSpec("((from base))", "x.spec"), "not a value of type string."],
    // @ts-expect-error -- as from JavaScript
    [() => parseSpec("((from base))", { file: 7 }), "not a value of type number."],
    // @ts-expect-error -- as from JavaScript
    [() => parseSpec("((from base))", null), "not null."],
  ] as const) {
    expect(call).toThrow(
      expect.objectContaining({ name: "TypeError", message: expect.stringContaining(message) }),
    );
  }
});
