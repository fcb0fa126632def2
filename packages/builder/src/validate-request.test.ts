import { parseSpecWithSource, type RunOp } from "@ob/spec";
import { expect, test } from "vitest";
import { request } from "./builds.test.helper.ts";
import { validateRequest } from "./validate-request.ts";

test("a missing secret is named", () => {
  const wanting = request('((from base) (run (secrets (tok (target /t))) (shell "x")))', { other: "" });
  expect(() => validateRequest(wanting)).toThrow(
    expect.objectContaining({
      code: "BAD_SECRET",
      message: expect.stringContaining('"tok"'),
      data: { secret: "tok" },
    }),
  );
});

test("what can never be built is refused with its place in the spec", () => {
  const lines = ["((build a ((from base)))", "(from base)", "(workdir /w)"];
  for (const [op, code, column] of [
    ["(run (network nat) (shell x))", "BAD_SPEC", 6],
    ["(run (network host nat) (shell x))", "BAD_SPEC", 6],
    ["(run (cache (c (target /c) (buildkit_options ((sharing odd))))) (shell x))", "BAD_SPEC", 6],
    ["(run (secrets (given (target /a)) (tok (target /t))) (shell x))", "BAD_SECRET", 35],
    ["(copy (src a b) (dst c))", "BAD_SPEC", 17],
    ["(copy (src) (dst c))", "BAD_SPEC", 13],
    ["(copy (from (build a)) (src ../x) (dst c))", "BAD_SOURCE", 24],
  ] as const) {
    const text = [...lines, `${op})`].join("\n");
    const wanting = { ...request(text, { given: "" }), ...parseSpecWithSource(text, { file: "a.spec" }) };
    expect(() => validateRequest(wanting), op).toThrow(
      expect.objectContaining({ code, at: expect.objectContaining({ file: "a.spec", line: 4, column }) }),
    );
  }
});

test("a build that is not there is refused in a spec that a program made", () => {
  const copy = {
    op: "copy",
    from: { kind: "build", name: "x" },
    sources: ["a"],
    destination: "/",
    exclude: [],
  } as const;
  const made = { builds: [], from: "base", ops: [copy] };
  expect(() => validateRequest({ spec: made, sourceDirectory: "/" })).toThrow(
    expect.objectContaining({ code: "BAD_SPEC", at: undefined }),
  );
});

test("caches and secrets of a step whose guest may restart are refused in a spec that a program made", () => {
  const run = { op: "run", caches: [], network: [], secrets: [], mayRestart: true, command: "x" } as const;
  const mount = { target: "/m", buildkitOptions: [] };
  const check = (op: RunOp) => {
    const spec = { builds: [], from: "base", ops: [op] };
    validateRequest({ spec, sourceDirectory: "/", secrets: new Map([["s", Buffer.from("s")]]) });
  };
  expect(() => check(run)).not.toThrow();
  for (const mounts of [{ caches: [{ name: "c", ...mount }] }, { secrets: [{ id: "s", ...mount }] }]) {
    expect(() => check({ ...run, ...mounts })).toThrow(expect.objectContaining({ code: "BAD_SPEC" }));
  }
});

test("a secret may be empty", () => {
  const given = request("((from base) (run (secrets (tok (target /t))) (shell x)))", { tok: "" });
  expect(() => validateRequest(given)).not.toThrow();
});

test("a path that leaves a nested build is refused before anything is built", () => {
  const inner = "((build dev ((from base))) (from base) (copy (from (build dev)) (src a/../b) (dst b)))";
  expect(() => validateRequest(request(`((build outer ${inner}) (from base))`))).toThrow(
    expect.objectContaining({ code: "BAD_SOURCE", message: expect.stringContaining('"a/../b"') }),
  );
});

test("nested builds may be nested to any depth", () => {
  let spec = request("((from base))").spec;
  for (let depth = 0; depth < 100_000; depth++) {
    spec = { builds: [{ name: "n", spec }], from: "base", ops: [] };
  }
  expect(() => validateRequest({ spec, sourceDirectory: "/" })).not.toThrow();
});
