import type { BuildRecord, StepInfo } from "@ob/core";

/** What a step took when it was last made, in milliseconds; undefined if that is not known. */
export type LastTime = (step: Pick<StepInfo, "id" | "op" | "heading" | "build">) => number | undefined;

/**
 * What steps took the last time. A step whose inputs have changed is found by its text: in a build with the same source directory.
 *
 * @param records newest first.
 * @param context the source directory of the build that asks.
 */
export function lastTimes(records: readonly BuildRecord[], context: string): LastTime {
  const byId = new Map<string, number>();
  const byText = new Map<string, number>();
  for (const record of records) {
    for (const step of record.steps) {
      if (step.outcome !== "saved") continue;
      if (!byId.has(step.id)) byId.set(step.id, step.milliseconds);
      const text = textOf(step);
      if (record.context === context && !byText.has(text)) byText.set(text, step.milliseconds);
    }
  }
  return (step) => byId.get(step.id) ?? byText.get(textOf(step));
}

function textOf({ op, heading, build }: Pick<StepInfo, "op" | "heading" | "build">): string {
  return JSON.stringify([op, heading, build]);
}
