import { expect, test } from "vitest";
import * as spec from "./index.ts";

const parsed = spec.parseSpec("((from base) (run (shell x)))");

test("every entry of the package names an argument of a wrong kind", () => {
  const entries: Readonly<Record<string, unknown>> = spec;
  for (const [name, wrong] of [
    ["printMachine", "((from base))"],
    ["formatSpec", undefined],
    ["toDockerfile", [parsed]],
    ["encodeSpec", null],
    ["unknownBuilds", { from: "base" }],
    ["parseSpec", parsed],
    ["parseSpecWithSource", undefined],
    ["formatOp", parsed],
    ["encodeOp", "run"],
    ["toBytes", undefined],
    ["fromBytes", "text"],
    ["sexpToMachine", 7],
    ["sexpToMachine", undefined],
    ["sexpToMachine", ["env", 7]],
    ["atomToMachine", undefined],
  ] as const) {
    const entry = entries[name];
    if (typeof entry !== "function") throw new TypeError(`There is no ${name}.`);
    const expected = { name: "TypeError", message: expect.stringMatching(/^\w+ takes .*, not .*\.$/) };
    expect(() => Reflect.apply(entry, undefined, [wrong]), name).toThrow(expect.objectContaining(expected));
  }
});

test("options are optional", () => {
  expect(spec.toDockerfile(parsed)).toBe(spec.toDockerfile(parsed, { escape: "unix", buildkit: false }));
  expect(spec.formatOp({ op: "comment", text: "x" })).toBe("(comment x)");
});
