import { ObError } from "@ob/core";
import type { PlannedStep } from "@ob/builder";
import type { Spec } from "@ob/spec";

/** The steps of one spec or nested build. */
export interface Stage {
  /** Its number in build order: nested builds come before what they are in. */
  readonly index: number;
  /** The names of the builds around it, outermost first; empty for the main one. */
  readonly path: readonly string[];
  readonly spec: Spec;
  /** The stages that it copies from, by their names in its spec; all have lower numbers. */
  readonly copiesFrom: ReadonlyMap<string, number>;
}

/** The stages of a spec, in build order; the main one is the last. */
export function stagesOf(spec: Spec): readonly Stage[] {
  const stages: Stage[] = [];
  const scope = new Scope();
  // With a stack of its own: nesting may have any depth.
  const work: { spec: Spec; path: readonly string[]; next: number }[] = [{ spec, path: [], next: 0 }];
  for (let top = work.at(-1); top; top = work.at(-1)) {
    const nested = top.spec.builds[top.next++];
    if (nested) {
      work.push({ spec: nested.spec, path: [...top.path, nested.name], next: 0 });
      scope.enter();
      continue;
    }
    work.pop();
    const index = stages.length;
    stages.push({ index, path: top.path, spec: top.spec, copiesFrom: copiesOf(top.spec, scope) });
    const name = top.path.at(-1);
    if (name === undefined) break;
    scope.leave();
    scope.define(name, index);
  }
  return stages;
}

/** The builds that can be named at a place. One table for all places: a copy for each would take quadratic time. */
class Scope {
  readonly #known = new Map<string, number>();
  /** For each spec around the place the names that it has defined, with what they were before. */
  readonly #hidden: [name: string, before: number | undefined][][] = [[]];

  get(name: string): number | undefined {
    return this.#known.get(name);
  }

  define(name: string, index: number): void {
    this.#hidden.at(-1)?.push([name, this.#known.get(name)]);
    this.#known.set(name, index);
  }

  enter(): void {
    this.#hidden.push([]);
  }

  leave(): void {
    for (const [name, before] of this.#hidden.pop()?.toReversed() ?? []) {
      if (before === undefined) this.#known.delete(name);
      else this.#known.set(name, before);
    }
  }
}

/** The steps of each stage, in the order of `stagesOf`. */
export function stepsByStage<Step extends Pick<PlannedStep, "op">>(
  steps: readonly Step[],
): readonly (readonly Step[])[] {
  const stages: Step[][] = [];
  for (const step of steps) {
    if (step.op === "from") stages.push([]);
    stages.at(-1)?.push(step);
  }
  return stages;
}

/** The numbers of the stages that a stage needs, directly or through others, in build order. */
export function neededStages(stages: readonly Stage[], index: number): readonly number[] {
  const needed = new Set<number>();
  const work = [index];
  for (let each = work.pop(); each !== undefined; each = work.pop()) {
    for (const dependency of stages[each]?.copiesFrom.values() ?? []) {
      if (!needed.has(dependency)) work.push(dependency);
      needed.add(dependency);
    }
  }
  return [...needed].toSorted((a, b) => a - b);
}

/** The builds that a spec's own ops copy from. @throws ObError `BAD_SPEC` for a name that is not known there. */
function copiesOf(spec: Spec, scope: Scope): ReadonlyMap<string, number> {
  const names = spec.ops.flatMap((op) =>
    op.op === "copy" && op.from.kind === "build" ? [op.from.name] : [],
  );
  return new Map(names.map((name) => [name, stageNamed(name, scope)]));
}

function stageNamed(name: string, scope: Scope): number {
  const index = scope.get(name);
  if (index !== undefined) return index;
  throw new ObError("BAD_SPEC", `There is no build ${JSON.stringify(name)} to copy from.`);
}
