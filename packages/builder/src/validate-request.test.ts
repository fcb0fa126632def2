import { expect, test } from "vitest";
import { bench, request } from "./builds.test.helper.ts";
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

test.each([
  ["(copy (src a ../b) (dst /x/))", "BAD_SOURCE", '"../b"'],
  ["(copy (src a b) (dst /x))", "BAD_SPEC", '2 sources cannot all become "/x"'],
  ["(copy (src) (dst /x/))", "BAD_SPEC", "no source"],
  ["(run (network host nat) (shell x))", "UNSUPPORTED", '"nat"'],
  ["(run (cache (c (target /c) (buildkit_options ((sharing none))))) (shell x))", "BAD_SPEC", '"none"'],
])("%s is refused before anything is built or planned", async (op, code, message) => {
  await using setting = bench();
  const refused = request(`((build n ((from base) (run (shell first)) ${op})) (from base))`);
  const error = expect.objectContaining({ code, message: expect.stringContaining(message) });
  await expect(setting.builder.build(refused)).rejects.toEqual(error);
  await expect(setting.builder.plan(refused)).rejects.toEqual(error);
  expect(setting.sandbox.steps).toEqual([]);
  expect(setting.events).toEqual([]);
});

test("nested builds may be nested to any depth", () => {
  let spec = request("((from base))").spec;
  for (let depth = 0; depth < 100_000; depth++) {
    spec = { builds: [{ name: "n", spec }], from: "base", ops: [] };
  }
  expect(() => validateRequest({ spec, sourceDirectory: "/" })).not.toThrow();
});
