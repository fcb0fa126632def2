import { expect, test } from "vitest";

import type { CopyOp, Spec } from "./ast.ts";
import { unknownBuilds } from "./validate.ts";

function copyFrom(name: string): CopyOp {
  return { op: "copy", from: { kind: "build", name }, sources: ["a"], destination: "b", exclude: [] };
}

function spec(ops: readonly CopyOp[], builds: Spec["builds"] = []): Spec {
  return { builds, from: "base", ops };
}

test("finds an unknown build, and lists the existing ones", () => {
  const op = copyFrom("c");
  const found = unknownBuilds(spec([op, copyFrom("a")], [{ name: "a", spec: spec([]) }]));
  expect(found).toStrictEqual([{ op, name: "c", scope: ["a"] }]);
});

test("has the builds before an enclosing build in scope, but not those after it", () => {
  const found = unknownBuilds(
    spec(
      [],
      [
        { name: "a", spec: spec([copyFrom("b")]) },
        { name: "b", spec: spec([copyFrom("a")]) },
      ],
    ),
  );
  expect(found.map(({ name, scope }) => ({ name, scope }))).toStrictEqual([{ name: "b", scope: [] }]);
});

test("removes the builds of a nested spec from the scope at its end", () => {
  const inner = spec([copyFrom("deep")], [{ name: "deep", spec: spec([]) }]);
  const found = unknownBuilds(spec([copyFrom("deep")], [{ name: "outer", spec: inner }]));
  expect(found.map(({ name, scope }) => ({ name, scope }))).toStrictEqual([
    { name: "deep", scope: ["outer"] },
  ]);
});

test("keeps an outer build in scope if a nested one has the same name", () => {
  const inner = spec([], [{ name: "a", spec: spec([]) }]);
  const builds = [
    { name: "a", spec: spec([]) },
    { name: "b", spec: inner },
  ];
  expect(unknownBuilds(spec([copyFrom("a")], builds))).toStrictEqual([]);
});
