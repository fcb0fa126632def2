import { expect, test } from "vitest";
import { judgeRuns, type TestRun } from "./judge-runs.ts";

const passed = (name: string): TestRun => ({ name, outcome: "passed" });
const failed = (name: string): TestRun => ({ name, outcome: "failed" });

test("a test is flaky if it passed in one run and failed in another, and failing if it never passed", () => {
  const runs = [
    [passed("steady"), failed("once"), failed("always"), passed("twice")],
    [passed("steady"), passed("once"), failed("always"), failed("twice")],
    [passed("steady"), passed("once"), failed("twice")],
  ];
  expect(judgeRuns(runs)).toEqual({ tests: 4, flaky: ["once", "twice"], failing: ["always"] });
});

test("nothing is said of runs that all passed", () => {
  expect(judgeRuns([[passed("a")], [passed("a"), passed("b")]])).toEqual({
    tests: 2,
    flaky: [],
    failing: [],
  });
});
