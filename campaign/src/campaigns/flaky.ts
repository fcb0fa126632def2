import { uniformInt } from "pure-rand/distribution/uniformInt";
import type { Campaign, Outcome } from "../campaign.ts";
import { judgeRuns, type TestRun } from "../flaky/judge-runs.ts";
import { runTests } from "../tests/run-tests.ts";

const times = 5;

/** Runs the same tests several times: a test that does not always have the same result is a fault. Its part is a folder, `e2e` if none is named. */
export const flaky: Campaign = {
  name: "flaky",
  async run({ random, signal, say, part = "e2e" }): Promise<Outcome> {
    const runs: (readonly TestRun[])[] = [];
    while (runs.length < times && !signal.aborted) {
      // The same seed gives the same orders.
      const run = await runTests({ folder: part, seed: uniformInt(random, 0, 2 ** 31 - 1), signal });
      if (!run) break;
      runs.push(run);
      const failed = run.filter(({ outcome }) => outcome === "failed");
      say(`${runs.length} of ${times}: ${run.length} tests, ${failed.length} failed`);
      for (const { name } of failed) say(`  ${name}`);
    }
    const { tests, flaky: changing, failing } = judgeRuns(runs);
    return {
      figures: [
        ["complete runs", `${runs.length} of ${times}`],
        ["tests", String(tests)],
      ],
      faults: [
        ...changing.map((name) => `not always the same result: ${name}`),
        ...failing.map((name) => `never passed: ${name}`),
        ...(tests === 0 ? ["no run was complete"] : []),
      ],
    };
  },
};
