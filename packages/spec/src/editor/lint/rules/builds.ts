import { showAtom } from "../../../near-name.ts";
import { buildNameOf } from "../places.ts";
import type { Finding, LintedSpec, Rule, Stage } from "../rule.ts";

export const unusedBuild: Rule = {
  name: "unused-build",
  severity: "warning",
  summary: "a nested build that nothing copies from",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    const used = new Set(
      stages.flatMap(({ copies }) =>
        copies.flatMap(({ op }) => (op.from.kind === "build" ? [op.from.name] : [])),
      ),
    );
    for (const stage of stages) {
      for (const build of stage.spec.builds) {
        if (used.has(build.name)) continue;
        yield {
          at: buildNameOf(stage, build),
          message: `nothing copies from the build ${showAtom(build.name)}, but it is built all the same`,
          hint: "remove it, or copy from it with (copy (from (build NAME)) ...)",
        };
      }
    }
  },
};

export const duplicateBuild: Rule = {
  name: "duplicate-build",
  severity: "warning",
  summary: "two nested builds of one spec with the same name",
  *check({ stages }: LintedSpec): Iterable<Finding> {
    for (const stage of stages) yield* duplicatesIn(stage);
  },
};

function* duplicatesIn(stage: Stage): Iterable<Finding> {
  const names = new Set<string>();
  for (const build of stage.spec.builds) {
    if (names.has(build.name)) {
      yield {
        at: buildNameOf(stage, build),
        message: `a second build ${showAtom(build.name)}: what comes after it cannot copy from the first one`,
        hint: "give each build a name of its own",
      };
    }
    names.add(build.name);
  }
}
