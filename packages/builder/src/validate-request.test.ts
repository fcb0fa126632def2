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
