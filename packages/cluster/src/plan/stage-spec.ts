import type { NestedBuild, Op, Spec } from "@ob/spec";
import { neededStages, type Stage } from "./stages.ts";

/**
 * The spec that builds one stage and what it copies from, and nothing else: these builds stand beside each other, under
 * new names. Its steps have the ids that they have in the whole spec, because names do not enter them.
 *
 * A stage that is not the main one stays a nested build, before an empty main one on the same image: the last step of a
 * main build may leave a guest that nobody can log in to, that of another may not.
 */
export function stageSpec(stages: readonly Stage[], index: number): Spec {
  const target = stages[index];
  if (!target) throw new RangeError(`There is no stage ${index}.`);
  const builds = neededStages(stages, index).flatMap((each): readonly NestedBuild[] => {
    const stage = stages[each];
    return stage ? [{ name: stageName(each), spec: ownSpec(stage) }] : [];
  });
  const spec = ownSpec(target);
  if (target.path.length === 0) return { ...spec, builds };
  return { builds: [...builds, { name: stageName(index), spec }], from: spec.from, ops: [] };
}

function stageName(index: number): string {
  return `stage-${index}`;
}

/** The stage without its nested builds, and with the new names of those that it copies from. */
function ownSpec({ spec, copiesFrom }: Stage): Spec {
  const ops = spec.ops.map((op): Op => {
    if (op.op !== "copy" || op.from.kind !== "build") return op;
    const from = copiesFrom.get(op.from.name);
    return from === undefined ? op : { ...op, from: { kind: "build", name: stageName(from) } };
  });
  return { builds: [], from: spec.from, ops };
}
