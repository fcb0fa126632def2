import type { StepRecord } from "@ob/core";
import { expect, it } from "vitest";
import { idOf } from "../testing/terminal.ts";
import { sourceOf } from "./vm-start-reason.ts";

function step(more: Partial<StepRecord> = {}): StepRecord {
  return {
    ...{ id: idOf("a"), op: "run", heading: "/: (run (shell make))", build: [], start: 0, milliseconds: 1 },
    ...{ outcome: "saved", vmStart: "boot", phases: [], ...more },
  };
}

const base = step({ op: "from", heading: "(from debian)", vmStart: undefined });

it.each<readonly [string, Partial<StepRecord>, readonly StepRecord[], RegExp]>([
  ["the first", {}, [base], /first step of its stage/],
  [
    "one after a cached one",
    {},
    [base, step({ outcome: "cached", vmStart: undefined })],
    /step before was cached/,
  ],
  [
    "one whose reason is known",
    { vmReason: "the step had secrets" },
    [step()],
    /not reused: the step had secrets\. No/,
  ],
  ["one whose reason is not known", {}, [step()], /was not kept/],
  ["one that is resumed", { vmStart: "resume" }, [base], /A VM snapshot was resumed/],
  ["one in the VM before it", { vmStart: "reuse" }, [step()], /went on in the VM of the step before/],
])("says why the VM of a step was started as it was: %s", (...row) => {
  const [, more, before, why] = row;
  expect(sourceOf(step(more), before).why).toMatch(why);
});
