import type { CopyOp, Spec } from "./ast.ts";

/** A `copy` from a build that is not in scope. */
export interface UnknownBuild {
  readonly op: CopyOp;
  readonly name: string;
  /** The names of the builds in scope. */
  readonly scope: readonly string[];
}

/**
 * Finds each `(copy (from (build NAME)) ...)` whose build is not in scope. In scope are earlier builds of the same spec,
 * and builds before one that this spec is nested in. `parseSpec` calls it; programs that create a spec can call it as
 * well.
 */
export function unknownBuilds(spec: Spec): readonly UnknownBuild[] {
  const found: UnknownBuild[] = [];
  findUnknown(spec, { scope: new Map(), found });
  return found;
}

interface Search {
  /** The names in scope, each with the number of builds of that name. */
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
