import type { NestedBuild, Spec } from "./ast.ts";
import { checkSpec } from "./check-arguments.ts";
import { derivedSource, type SpecSource } from "./spec-source.ts";

/** A nested build as a spec of its own. */
export interface TargetSpec {
  readonly spec: Spec;
  readonly source: SpecSource | undefined;
}

/**
 * The spec that builds one nested build, with the builds that it copies from and no others. Its steps have the ids that they have in the
 * whole spec. Of several builds with that name it is one that no other of them is nested around, and of these the last.
 *
 * @param spec without args: see `expandArgs`.
 * @returns undefined if there is no such build.
 */
export function targetSpec(
  spec: Spec,
  name: string,
  { source }: { readonly source?: SpecSource | undefined } = {},
): TargetSpec | undefined {
  checkSpec("targetSpec", spec);
  const found = findBuild(spec, name);
  if (found === undefined) return undefined;
  const { target, before } = found;
  const needed: NestedBuild[] = [];
  const names = copiedNames(target.spec);
  // A build copies from the last one of a name before it.
  for (const build of before.toReversed()) {
    if (!names.delete(build.name)) continue;
    needed.unshift(build);
    for (const each of copiedNames(build.spec)) names.add(each);
  }
  const made: Spec = { ...target.spec, builds: [...needed, ...target.spec.builds] };
  return { spec: made, source: source && derivedSource(source, new Map([[made, target.spec]])) };
}

/** The names of all nested builds, in the order of the text. */
export function buildNames(spec: Spec): readonly string[] {
  return spec.builds.flatMap((build) => [...buildNames(build.spec), build.name]);
}

interface Found {
  readonly target: NestedBuild;
  /** The builds that it can copy from, those of enclosing specs first. */
  readonly before: readonly NestedBuild[];
}

/** Looks level by level. */
function findBuild(spec: Spec, name: string): Found | undefined {
  let level: readonly { readonly spec: Spec; readonly before: readonly NestedBuild[] }[] = [
    { spec, before: [] },
  ];
  while (level.length > 0) {
    const builds = level.flatMap(({ spec: { builds: nested }, before }) =>
      nested.map((target, index) => ({ target, before: [...before, ...nested.slice(0, index)] })),
    );
    const found = builds.findLast(({ target }) => target.name === name);
    if (found !== undefined) return found;
    level = builds.map(({ target, before }) => ({ spec: target.spec, before }));
  }
  return undefined;
}

/** The names of the builds outside that a spec copies from. */
function copiedNames({ builds, ops }: Spec): Set<string> {
  const outside = new Set<string>();
  const own = new Set<string>();
  for (const { name, spec } of builds) {
    for (const each of copiedNames(spec)) if (!own.has(each)) outside.add(each);
    own.add(name);
  }
  for (const op of ops) {
    if (op.op === "copy" && op.from.kind === "build" && !own.has(op.from.name)) outside.add(op.from.name);
  }
  return outside;
}
