// Reads vitest's own reports, and adds them up.
import { readFileSync } from "node:fs";

/** What one run of vitest came to, by its JSON report and its exit status. */
export function readRun(name, { status, report }) {
  const result = readReport(report);
  if (result === undefined) return { name, passed: 0, failed: 1, skipped: 0, note: "vitest left no report" };
  const passed = result.numPassedTests;
  const skipped = result.numPendingTests + (result.numTodoTests ?? 0);
  // A file that cannot be loaded, or an error outside of all tests, fails a run without failing a test.
  const note = status !== 0 && result.numFailedTests === 0 ? "vitest failed outside of its tests" : undefined;
  return { name, passed, failed: note ? 1 : result.numFailedTests, skipped, note };
}

function readReport(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

export function describeRun({ name, passed, failed, skipped, note }) {
  const counts = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  return `  ${name.padEnd(24)} ${counts}${note ? ` (${note})` : ""}`;
}

export function sum(runs) {
  const total = (count) => runs.reduce((all, run) => all + run[count], 0);
  return { passed: total("passed"), failed: total("failed"), skipped: total("skipped") };
}
