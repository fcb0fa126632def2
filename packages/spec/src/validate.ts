import type { CopyOp, Op, Spec } from "./ast.ts";
import { checkSpec } from "./check-arguments.ts";

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
  checkSpec("unknownBuilds", spec);
  const found: UnknownBuild[] = [];
  const scope = new Scope();
  // Not recursive: the specs of programs can be nested to any depth.
  const pending: { readonly spec: Spec; next: number }[] = [{ spec, next: 0 }];
  for (let top = pending.at(-1); top !== undefined; top = pending.at(-1)) {
    const { builds, ops } = top.spec;
    const finished = builds[top.next - 1];
    if (finished !== undefined) scope.add(finished.name);
    const nested = builds[top.next++];
    if (nested !== undefined) {
      pending.push({ spec: nested.spec, next: 0 });
      continue;
    }
    found.push(...unknownIn(ops, scope));
    for (const { name } of builds) scope.remove(name);
    pending.pop();
  }
  return found;
}

function unknownIn(ops: readonly Op[], scope: Scope): readonly UnknownBuild[] {
  let names: readonly string[] | undefined;
  return ops.flatMap((op) => {
    if (op.op !== "copy" || op.from.kind !== "build" || scope.has(op.from.name)) return [];
    names ??= scope.names();
    return { op, name: op.from.name, scope: names };
  });
}

/** The names in scope, each with the number of builds of that name. */
class Scope {
  readonly #counts = new Map<string, number>();

  has(name: string): boolean {
    return this.#counts.has(name);
  }

  names(): readonly string[] {
    return [...this.#counts.keys()];
  }

  add(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  remove(name: string): void {
    const others = (this.#counts.get(name) ?? 1) - 1;
    if (others === 0) this.#counts.delete(name);
    else this.#counts.set(name, others);
  }
}
