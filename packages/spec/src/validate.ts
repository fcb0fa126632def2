import type { CopyOp, Spec } from "./ast.ts";

/** A `copy` from a build that is not in scope. */
export interface UnknownBuild {
  readonly op: CopyOp;
  readonly name: string;
  /** The builds that are in scope there. */
  readonly scope: readonly string[];
}

/**
 * Finds each `(copy (from (build NAME)) ...)` whose build is not in scope: neither an earlier build of the same spec,
 * nor one that stands before a build which this spec is nested in. `parseSpec` has done this already; it is for specs
 * that a program has made.
 */
export function unknownBuilds(spec: Spec): readonly UnknownBuild[] {
  const found: UnknownBuild[] = [];
  findUnknown(spec, { scope: new Map(), found });
  return found;
}

interface Search {
  /** The names in scope, each with the number of builds that have it. */
  readonly scope: Map<string, number>;
  readonly found: UnknownBuild[];
}

function findUnknown(spec: Spec, search: Search): void {
  const { scope, found } = search;
  for (const build of spec.builds) {
    findUnknown(build.spec, search);
    scope.set(build.name, (scope.get(build.name) ?? 0) + 1);
  }
  let names: readonly string[] | undefined;
  for (const op of spec.ops) {
    if (op.op === "copy" && op.from.kind === "build" && !scope.has(op.from.name)) {
      names ??= [...scope.keys()];
      found.push({ op, name: op.from.name, scope: names });
    }
  }
  for (const build of spec.builds) {
    const others = (scope.get(build.name) ?? 1) - 1;
    if (others === 0) scope.delete(build.name);
    else scope.set(build.name, others);
  }
}
