import type { TestResult } from "../tests/run-tests.ts";

/** What came of a test in one run of the suite. */
export type TestRun = Pick<TestResult, "name" | "outcome">;

/** What several runs of the same suite say. */
export interface Judgement {
  /** How many tests ran at least once. */
  readonly tests: number;
  /** Those that passed in one run and failed in another, in the order of their names. */
  readonly flaky: readonly string[];
  /** Those that failed in each run that they were part of. */
  readonly failing: readonly string[];
}

export function judgeRuns(runs: readonly (readonly TestRun[])[]): Judgement {
  const outcomes = new Map<string, TestRun["outcome"][]>();
  for (const { name, outcome } of runs.flat()) {
    const all = outcomes.get(name) ?? [];
    all.push(outcome);
    outcomes.set(name, all);
  }
  const failed = [...outcomes]
    .filter(([, all]) => all.includes("failed"))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    tests: outcomes.size,
    flaky: failed.filter(([, all]) => all.includes("passed")).map(([name]) => name),
    failing: failed.filter(([, all]) => !all.includes("passed")).map(([name]) => name),
  };
}
