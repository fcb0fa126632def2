import { describe, expect, test } from "vitest";

import type { Op, Spec } from "./ast.ts";
import { deepestBuild } from "./decode.ts";
import { parseSpec } from "./parse.ts";
import { SpecError } from "./spec-error.ts";

function parse(text: string): Spec {
  return parseSpec(text, { file: "test.spec" });
}

function ops(text: string): readonly Op[] {
  return parse(`((from base) ${text})`).ops;
}

function refusal(text: string): SpecError {
  try {
    parse(text);
  } catch (error) {
    if (error instanceof SpecError) return error;
    throw error;
  }
  throw new Error(`accepted: ${text}`);
}

/** A build in a build, nested to the given depth. */
function nested(depth: number): string {
  return `${"((build a ".repeat(depth)}((from b))${")(from b))".repeat(depth)}`;
}

describe("a spec", () => {
  test("has builds, a base and ops", () => {
    expect(parse("((build a ((from x))) (build a ((from y))) (from z) (workdir /))")).toStrictEqual({
      builds: [
        { name: "a", spec: { builds: [], from: "x", ops: [] } },
        { name: "a", spec: { builds: [], from: "y", ops: [] } },
      ],
      from: "z",
      ops: [{ op: "workdir", directory: "/" }],
    });
  });

  test("is parsed from bytes as well", () => {
    expect(parseSpec(Uint8Array.of(...Buffer.from("((from "), 0xff, 0x29, 0x29), { file: "x" }).from).toBe(
      "\uDCFF",
    );
  });
});

describe("ops", () => {
  test("comment, workdir, shell and env", () => {
    expect(ops('(comment "a b") (workdir /) (shell) (shell a b) (env K "")')).toStrictEqual([
      { op: "comment", text: "a b" },
      { op: "workdir", directory: "/" },
      { op: "shell", arguments: [] },
      { op: "shell", arguments: ["a", "b"] },
      { op: "env", key: "K", value: "" },
    ]);
  });

  test("run, with its fields in any order", () => {
    const text = `(run (shell x) (secrets (s (target /s))) (network host n)
      (cache (a (buildkit_options ((k v))) (target /a)) (shell (target /b))))`;
    expect(ops(text)).toStrictEqual([
      {
        op: "run",
        caches: [
          { name: "a", target: "/a", buildkitOptions: [["k", "v"]] },
          { name: "shell", target: "/b", buildkitOptions: [] },
        ],
        network: ["host", "n"],
        secrets: [{ id: "s", target: "/s", buildkitOptions: [] }],
        command: "x",
      },
    ]);
  });

  test("run, whose guest may restart", () => {
    const run = { op: "run", caches: [], network: [], secrets: [], mayRestart: true, command: "x" };
    expect(ops("(run (restart allowed) (shell x)) (run (shell x) (cache) (restart allowed))")).toStrictEqual([
      run,
      run,
    ]);
  });

  test("copy, from the source directory unless a build is named", () => {
    const copy = { op: "copy", sources: ["a"], destination: "b", exclude: [] };
    expect(ops("(copy (dst b) (src a)) (copy (from context) (src a) (dst b) (exclude))")).toStrictEqual([
      { ...copy, from: { kind: "context" } },
      { ...copy, from: { kind: "context" } },
    ]);
    expect(
      parse("((build x ((from y))) (from z) (copy (from (build x)) (src a) (dst b)))").ops,
    ).toStrictEqual([{ ...copy, from: { kind: "build", name: "x" } }]);
  });

  test("user, by number in any of OCaml's forms or by name", () => {
    expect(ops("(user (uid 0x10) (gid -1)) (user (name opam))")).toStrictEqual([
      { op: "user", user: { uid: 16, gid: -1 } },
      { op: "user", user: { name: "opam" } },
    ]);
  });

  test("with a capital letter have their fields in a list of their own", () => {
    expect(
      ops("(Comment a) (Env (A B)) (Run ((shell x))) (User ((name x)))").map(({ op }) => op),
    ).toStrictEqual(["comment", "env", "run", "user"]);
  });
});

describe("rejects", () => {
  test("a run without a shell, even if a cache is named shell", () => {
    expect(refusal("((from b) (run (cache (shell (target /x)))))").diagnostics).toHaveLength(1);
  });

  test("all invalid ops, in order", () => {
    const { diagnostics } = refusal("((from b) (env A) (rum x) (copy (src (a))) (run (shell x) (foo y)))");
    expect(diagnostics.map(({ position }) => position.column)).toStrictEqual([11, 20, 27, 38, 60]);
  });

  test("an unknown build as well as other errors", () => {
    const { diagnostics } = refusal("((from b) (env A) (copy (from (build x)) (src a) (dst b)))");
    expect(diagnostics).toHaveLength(2);
  });

  test("builds that are nested too deeply, but not those at the limit", () => {
    expect(parse(nested(deepestBuild)).from).toBe("b");
    expect(refusal(nested(deepestBuild + 1)).message).toContain("nested more than 500 deep");
  });
});
