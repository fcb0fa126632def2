import type { ObEvent } from "@ob/core";
import { expect, it } from "vitest";
import { idOf, stepOf } from "../testing/terminal.ts";
import { StepTimes } from "./step-times.ts";

const base = stepOf(idOf("b"), "(from debian-12)");
const run = stepOf(idOf("c"), "/: (run (shell make))", base.id);

/** What the steps are after events, each at its time. */
function recorded(...events: readonly (readonly [at: number, event: ObEvent])[]) {
  let now = 1_000;
  const times = new StepTimes(() => now);
  for (const [at, event] of events) {
    now = 1_000 + at;
    times.apply(event);
  }
  return times.end();
}

it("has what each step took, and what its VM spent it on", () => {
  const steps = recorded(
    [5, { type: "step-started", step: base }],
    [7, { type: "step-finished", step: base, outcome: "cached", milliseconds: 2 }],
    [10, { type: "step-started", step: run }],
    [20, { type: "phase", layer: run.id, phase: "boot" }],
    [420, { type: "vm-started", layer: run.id, start: "resume" }],
    [520, { type: "phase", layer: run.id, phase: "run" }],
    [700, { type: "phase", layer: idOf("d"), phase: "stop" }],
    [1_010, { type: "step-finished", step: run, outcome: "saved", milliseconds: 1_000.4 }],
  );
  expect(steps).toEqual([
    {
      ...{ id: base.id, op: "from", heading: base.heading, build: [], start: 5, milliseconds: 2 },
      outcome: "cached",
      phases: [],
    },
    {
      ...{ id: run.id, op: "run", heading: run.heading, build: [], start: 10, milliseconds: 1_000 },
      ...{ outcome: "saved", vmStart: "resume" },
      phases: [
        { phase: "boot", start: 10, milliseconds: 500 },
        { phase: "run", start: 510, milliseconds: 490 },
      ],
    },
  ]);
});

it("knows why a step did not go on in the VM of the step before, from what either of them says", () => {
  const next = stepOf(idOf("d"), "/: (run (shell test))", run.id);
  const other = { ...stepOf(idOf("e"), "/: (run (shell x))", base.id), build: ["tools"] };
  const last = stepOf(idOf("f"), "/: (run (shell y))", next.id);
  const finished = (step: typeof run): ObEvent => ({
    type: "step-finished",
    step,
    outcome: "saved",
    milliseconds: 1,
  });
  const steps = recorded(
    [0, { type: "step-started", step: run }],
    [0, { type: "vm-started", layer: run.id, start: "boot" }],
    [0, { type: "vm-not-kept", layer: run.id, reason: "the step had secrets" }],
    [0, finished(run)],
    [1, { type: "step-started", step: other }],
    [1, { type: "vm-started", layer: other.id, start: "boot" }],
    [1, { type: "step-started", step: next }],
    [1, { type: "vm-started", layer: next.id, start: "resume" }],
    [1, finished(next)],
    [2, { type: "step-started", step: last }],
    [2, { type: "vm-started", layer: last.id, start: "boot", reason: "the network differs" }],
    [2, finished(last)],
  );
  expect(steps.map(({ vmReason }) => vmReason)).toEqual([
    ...[undefined, undefined, "the step had secrets", "the network differs"],
  ]);
});

it("keeps a step apart that two nested builds have, and ends what did not end", () => {
  const other = { ...run, build: ["tools"] };
  const steps = recorded(
    [0, { type: "step-started", step: run }],
    [10, { type: "step-started", step: other }],
    [20, { type: "phase", layer: run.id, phase: "run" }],
    [30, { type: "step-finished", step: other, outcome: "cached", milliseconds: 20 }],
    [50, { type: "step-output", step: run, bytes: Buffer.from("x") }],
  );
  expect(steps.map(({ build, outcome, milliseconds }) => [build, outcome, milliseconds])).toEqual([
    [[], "unfinished", 50],
    [["tools"], "cached", 20],
  ]);
  expect(steps.map(({ phases }) => phases[0]?.milliseconds)).toEqual([30, 10]);
});

it("keeps a bounded number of phases", () => {
  const phases = Array.from({ length: 1_000 }, (_, index): readonly [number, ObEvent] => [
    index,
    { type: "phase", layer: run.id, phase: index % 2 === 0 ? "boot" : "run" },
  ]);
  const [step] = recorded([0, { type: "step-started", step: run }], ...phases);
  expect(step?.phases).toHaveLength(100);
});
