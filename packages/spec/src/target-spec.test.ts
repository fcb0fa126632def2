import { expect, test } from "vitest";
import { parseSpec, parseSpecWithSource } from "./parse.ts";
import { printMachine } from "./spec-print.ts";
import { buildNames, targetSpec } from "./target-spec.ts";

const copy = (name: string) => `(copy(from(build ${name}))(src /f)(dst /f))`;

function target(text: string, name: string): string | undefined {
  const found = targetSpec(parseSpec(text), name);
  return found && printMachine(found.spec);
}

test("a build is a spec with the builds that it copies from, and those that they copy from", () => {
  const text =
    `((build a((from x)))(build unused((from x)))(build b((from x)${copy("a")}))` +
    `(build c((from y)${copy("b")}))(from z)${copy("c")})`;
  expect(target(text, "c")).toBe(`((build a((from x)))(build b((from x)${copy("a")}))(from y)${copy("b")})`);
  expect(target(text, "a")).toBe("((from x))");
  expect(target(text, "nothing")).toBeUndefined();
});

test("a build inside a build keeps the builds around it that it copies from", () => {
  const inner = `(build in((from y)${copy("own")}${copy("a")}))`;
  const text = `((build a((from x)))(build b((build own((from o)))${inner}(from x)))(from z))`;
  expect(target(text, "in")).toBe(
    `((build a((from x)))(build own((from o)))(from y)${copy("own")}${copy("a")})`,
  );
});

test("of builds with one name the outermost is built, of these the last; a copy means the one before it", () => {
  const text =
    `((build o((build n((from deep)))(from x)))(build n((from first)))` +
    `(build m((from x)${copy("n")}))(build n((from last)${copy("n")}))(from z))`;
  expect(target(text, "n")).toBe(`((build n((from first)))(from last)${copy("n")})`);
  expect(target(text, "m")).toBe(`((build n((from first)))(from x)${copy("n")})`);
});

test("its own nested builds are not looked for outside", () => {
  const text = `((build n((from outer)))(build t((build n((from inner)))(from x)${copy("n")}))(from z))`;
  expect(target(text, "t")).toBe(`((build n((from inner)))(from x)${copy("n")})`);
});

test("errors find the parts of the target in the text", () => {
  const { spec, source } = parseSpecWithSource("((build a\n  ((from x)))\n (from z))", { file: "t.spec" });
  const found = targetSpec(spec, "a", { source });
  const at = found?.source?.locate(found.spec, { field: "from", value: 0 });
  expect(at).toEqual({ file: "t.spec", line: 2, column: 10 });
});

test("the names of the builds are known for a suggestion", () => {
  expect(buildNames(parseSpec("((build a((build b((from x)))(from x)))(from z))"))).toEqual(["b", "a"]);
});
