import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { execa } from "execa";

const repository = path.resolve(import.meta.dirname, "../../..");
const vitest = path.join(repository, "node_modules/.bin/vitest");

/** A test that was not skipped. */
export interface TestResult {
  /** `FILE: NAME`, the file from the repository; only the file for one that could not be loaded. */
  readonly name: string;
  readonly outcome: "passed" | "failed";
  /** The beginning of its error; empty if it passed. */
  readonly error: string;
}

export interface RunTestsOptions {
  /** A folder of the repository, such as `e2e`. */
  readonly folder: string;
  /** Only these files of it; by default all. */
  readonly files?: readonly string[];
  /** A program that starts Vitest, and its arguments. */
  readonly prefix?: readonly string[];
  /** The files run in the order of this seed; by default in Vitest's. */
  readonly seed?: number;
  /** Ends the run. */
  readonly signal: AbortSignal;
}

/**
 * Runs the tests of a folder once.
 *
 * @returns nothing if it was ended before it was complete.
 * @throws Error if Vitest could not run them.
 */
export async function runTests({
  folder,
  files = [],
  prefix = [],
  seed,
  signal,
}: RunTestsOptions): Promise<readonly TestResult[] | undefined> {
  const directory = await mkdtemp(path.join(tmpdir(), "obuilder-campaign-"));
  const file = path.join(directory, "report.json");
  const order = seed === undefined ? [] : ["--sequence.shuffle.files", `--sequence.seed=${seed}`];
  const words = [...prefix, vitest, "run", "--retry=0", ...order];
  const [program = "", ...args] = [...words, "--reporter=json", `--outputFile.json=${file}`, ...files];
  try {
    const ran = await execa(program, args, {
      cwd: path.join(repository, folder),
      cancelSignal: signal,
      // Time for its hooks, which end the machines of the tests.
      forceKillAfterDelay: 60_000,
      reject: false,
      all: true,
      stdin: "ignore",
    });
    if (ran.isCanceled) return undefined;
    const report = await readFile(file, "utf8").catch(() => undefined);
    if (report === undefined)
      throw new Error(`the tests of ${folder} wrote no report: ${ran.all.slice(-2000)}`);
    return readReport(report);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The part of Vitest's JSON report that is read. */
interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly message?: string;
    readonly status: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages?: readonly string[];
    }[];
  }[];
}

/** @param report Vitest's, as JSON. A file that cannot be loaded counts as a test that failed. */
export function readReport(report: string): readonly TestResult[] {
  const { testResults }: Report = JSON.parse(report);
  return testResults.flatMap(({ name, status, message = "", assertionResults }) => {
    const from = path.relative(repository, name);
    const tests = assertionResults.flatMap(
      ({ fullName, status: outcome, failureMessages: [why = ""] = [] }): TestResult[] =>
        outcome === "passed" || outcome === "failed"
          ? [{ name: `${from}: ${fullName}`, outcome, error: firstLine(why) }]
          : [],
    );
    const ended = status === "failed" && !tests.some(({ outcome }) => outcome === "failed");
    return ended ? [...tests, { name: from, outcome: "failed", error: firstLine(message) }] : tests;
  });
}

function firstLine(text: string): string {
  return text.split("\n")[0]?.slice(0, 200) ?? "";
}
