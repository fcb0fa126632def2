import type { BuildRecord } from "@ob/core";

/** The fields of a build in JSON; they are part of the interface, see docs/cli.md. */
export function recordFields(record: BuildRecord) {
  const { id, spec, context, started, finished, outcome, layer, errorCode, steps } = record;
  return {
    ...{ id, spec, context, outcome },
    layer: layer ?? null,
    code: errorCode ?? null,
    started: started.toISOString(),
    finished: finished.toISOString(),
    milliseconds: durationOf(record),
    steps: steps.map((step) => ({
      ...{ id: step.id, op: step.op, heading: step.heading, build: step.build, outcome: step.outcome },
      ...{ start: step.start, milliseconds: step.milliseconds },
      vmStart: step.vmStart ?? null,
      vmReason: step.vmReason ?? null,
      phases: step.phases,
      bytes: step.bytes ?? null,
    })),
  };
}

/** How long a build took, in milliseconds. Older versions recorded what the clock said, which can have been set meanwhile. */
export function durationOf({ started, finished, steps }: BuildRecord): number {
  const ends = steps.map(({ start, milliseconds }) => start + milliseconds);
  return Math.max(0, finished.getTime() - started.getTime(), ...ends);
}

/** `3 built, 2 cached, 1 failed`: how the steps of a build ended. */
export function outcomeCounts({ steps }: Pick<BuildRecord, "steps">): string {
  const names = {
    saved: "built",
    cached: "cached",
    failed: "failed",
    cancelled: "cancelled",
    unfinished: "unfinished",
  };
  const counts = Object.entries(names).flatMap(([outcome, name]) => {
    const count = steps.filter((step) => step.outcome === outcome).length;
    return count === 0 ? [] : `${count} ${name}`;
  });
  return counts.join(", ") || "no step";
}
