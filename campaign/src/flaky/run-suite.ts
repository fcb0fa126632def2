import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";
import type { TestRun } from "./judge-runs.ts";

const repository = path.resolve(import.meta.dirname, "../../..");

/** The part of Vitest's JSON report that is read. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly status: string;
    readonly assertionResults: readonly { readonly fullName: string; readonly status: string }[];
  }[];
}

/**
 * Runs the tests of a folder once, their files in the order of a seed.
 *
 * @param folder from the repository, such as `e2e`.
 * @param options.signal ends the run.
 * @returns nothing if it was ended before it was complete.
 * @throws Error if it ran no tests.
 */
export async function runSuite(
  folder: string,
  { seed, signal }: { readonly seed: number; readonly signal: AbortSignal },
): Promise<readonly TestRun[] | undefined> {
  const directory = await mkdtemp(path.join(tmpdir(), "obuilder-flaky-"));
  const file = path.join(directory, "report.json");
  const order = ["--sequence.shuffle.files", `--sequence.seed=${seed}`];
  try {
    const ran = await execa(
      path.join(repository, "node_modules/.bin/vitest"),
      ["run", "--retry=0", ...order, "--reporter=json", `--outputFile.json=${file}`],
      {
        cwd: path.join(repository, folder),
        cancelSignal: signal,
        // Time for its hooks, which end the machines of the tests.
        forceKillAfterDelay: 60_000,
        reject: false,
        all: true,
        stdin: "ignore",
      },
    );
    if (ran.isCanceled) return undefined;
    const report = await readFile(file, "utf8").catch(() => undefined);
    if (report === undefined)
      throw new Error(`the tests of ${folder} wrote no report: ${ran.all.slice(-2000)}`);
    return readReport(report);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** @param report Vitest's, as JSON. A file that cannot be loaded counts as a test that failed. */
export function readReport(report: string): readonly TestRun[] {
  const { testResults }: Report = JSON.parse(report);
  return testResults.flatMap(({ name, status, assertionResults }) => {
    const from = path.relative(repository, name);
    const tests = assertionResults.flatMap(({ fullName, status: outcome }): TestRun[] =>
      outcome === "passed" || outcome === "failed" ? [{ name: `${from}: ${fullName}`, outcome }] : [],
    );
    const ended = status === "failed" && !tests.some(({ outcome }) => outcome === "failed");
    return ended ? [...tests, { name: from, outcome: "failed" }] : tests;
  });
}
