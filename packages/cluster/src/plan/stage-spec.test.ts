import { planBuild } from "@ob/builder";
import { MemoryStore } from "@ob/core/testing";
import { type NestedBuild, type Op, parseSpec, printMachine, type Spec } from "@ob/spec";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stageSpec } from "./stage-spec.ts";
import { neededStages, stagesOf, stepsByStage } from "./stages.ts";

const store = new MemoryStore({
  images: { base: { environment: [["FROM_BASE", "1"]] }, other: {} },
});

async function plan(spec: Spec) {
  return await planBuild({ store }, { spec, sourceDirectory: "/nonexistent" });
}

const word = fc.constantFrom("a", "b", "c", "x y", '"');
const plainOp: fc.Arbitrary<Op> = fc.oneof(
  word.map((command): Op => ({ op: "run", caches: [], network: [], secrets: [], command })),
  word.map((directory): Op => ({ op: "workdir", directory })),
  fc.tuple(word, word).map(([key, value]): Op => ({ op: "env", key, value })),
  fc.array(word, { maxLength: 2 }).map((words): Op => ({ op: "shell", arguments: words })),
  fc.nat(9).map((uid): Op => ({ op: "user", user: { uid, gid: uid } })),
  word.map((text): Op => ({ op: "comment", text })),
);

/** Specs whose copies may name each build that is known at their place; names may be used again. */
function specs(depth: number, known: readonly string[]): fc.Arbitrary<Spec> {
  const from = fc.constantFrom("base", "other");
  const copy = (names: readonly string[]) =>
    fc.tuple(fc.constantFrom(...names), word).map(([name, file]): Op => ({
      op: "copy",
      from: { kind: "build", name },
      sources: [`/${file}`],
      destination: "/to/",
      exclude: [],
    }));
  const withBuilds = (builds: readonly NestedBuild[]): fc.Arbitrary<Spec> => {
    const names = [...known, ...builds.map(({ name }) => name)];
    const op = names.length === 0 ? plainOp : fc.oneof(plainOp, copy(names));
    return fc.record({ builds: fc.constant(builds), from, ops: fc.array(op, { maxLength: 5 }) });
  };
  if (depth === 0) return withBuilds([]);
  const addBuild = (builds: readonly NestedBuild[]): fc.Arbitrary<readonly NestedBuild[]> =>
    fc
      .tuple(fc.constantFrom("one", "two"), specs(depth - 1, [...known, ...builds.map(({ name }) => name)]))
      .map(([name, spec]) => [...builds, { name, spec }]);
  const builds = fc
    .nat(2)
    .chain((wanted) =>
      Array.from({ length: wanted }).reduce<fc.Arbitrary<readonly NestedBuild[]>>(
        (all) => all.chain(addBuild),
        fc.constant([]),
      ),
    );
  return builds.chain(withBuilds);
}

/** The layers of each stage. */
function layersOf(steps: Awaited<ReturnType<typeof plan>>) {
  return stepsByStage(steps).map((stage) => stage.map(({ id }) => id));
}

test("the ids of a stage by itself are those in the whole spec", async () => {
  await fc.assert(
    fc.asyncProperty(specs(2, []), async (spec) => {
      const stages = stagesOf(spec);
      const layers = layersOf(await plan(spec));
      expect(layers).toHaveLength(stages.length);
      for (const { index } of stages) {
        // As it reaches a worker.
        const text = printMachine(stageSpec(stages, index));
        const reduced = layersOf(await plan(parseSpec(text)));
        const needed = [...neededStages(stages, index), index];
        expect(reduced.slice(0, needed.length)).toEqual(needed.map((each) => layers[each]));
        // After a stage that is not the main one there is only the empty main one.
        expect(reduced.slice(needed.length).flat()).toHaveLength(index === stages.length - 1 ? 0 : 1);
      }
    }),
    { numRuns: 150 },
  );
});

test("a stage needs what it copies from, also through others, and not its other nested builds", () => {
  const spec = parseSpec(`
    ((build unused ((from base) (run (shell "0"))))
     (build tools ((build libs ((from base) (run (shell "1"))))
                   (from base)
                   (copy (from (build libs)) (src /l) (dst /l))))
     (from base)
     (copy (from (build tools)) (src /t) (dst /t)))`);
  const stages = stagesOf(spec);
  expect(stages.map(({ path }) => path)).toEqual([["unused"], ["tools", "libs"], ["tools"], []]);
  expect(stages.map(({ index }) => neededStages(stages, index))).toEqual([[], [], [1], [1, 2]]);
  expect(stageSpec(stages, 3).builds.map(({ name }) => name)).toEqual(["stage-1", "stage-2"]);
});

test("an inner name hides an outer one, and a later one an earlier one", () => {
  const spec = parseSpec(`
    ((build a ((from base)))
     (build b ((build a ((from base))) (from base) (copy (from (build a)) (src /x) (dst /y))))
     (build c ((from base) (copy (from (build a)) (src /x) (dst /y))))
     (build a ((from base)))
     (from base)
     (copy (from (build a)) (src /x) (dst /y)))`);
  const copied = stagesOf(spec).map(({ copiesFrom }) => [...copiesFrom.values()]);
  expect(copied).toEqual([[], [], [1], [0], [], [4]]);
});
