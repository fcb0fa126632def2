import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

const vitest = path.resolve(import.meta.dirname, "../../../node_modules/.bin/vitest");

/** What came of the tests of a folder. */
export interface TestRun {
  readonly folder: string;
  readonly passed: number;
  /** The names of those that failed, each with the beginning of its error. */
  readonly failed: readonly string[];
  /** True if the time was over before they had ended. */
  readonly isCut: boolean;
}

export interface RunTestsOptions {
  readonly folder: string;
  /** Only these; by default all. */
  readonly files: readonly string[];
  /** See `ScarceCpu`. */
  readonly prefix: readonly string[];
  /** See `CampaignOptions`. */
  readonly until: number;
}

export async function runTests(
  directory: string,
  { folder, files, prefix, until }: RunTestsOptions,
): Promise<TestRun> {
  const reports = await mkdtemp(path.join(tmpdir(), "ob-slow-"));
  try {
    const report = path.join(reports, "report.json");
    const words = [...prefix, vitest, "run", "--reporter=json", `--outputFile=${report}`, ...files];
    const [program = "", ...args] = words;
    // A group of its own, so that all of it can be ended.
    const child = spawn(program, args, { cwd: directory, stdio: "ignore", detached: true });
    const ended = once(child, "exit");
    const limit = setTimeout(
      () => {
        if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
      },
      Math.max(0, until - performance.now()),
    );
    const [, signal] = await ended;
    clearTimeout(limit);
    const text = await readFile(report, "utf8").catch(() => undefined);
    if (text === undefined) {
      const why = signal === null ? ["there is no report: vitest could not run them"] : [];
      return { folder, passed: 0, failed: why, isCut: signal !== null };
    }
    return { folder, ...readReport(JSON.parse(text)), isCut: false };
  } finally {
    await rm(reports, { recursive: true, force: true });
  }
}

interface Report {
  readonly numPassedTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

function readReport({ numPassedTests, testResults }: Report): Pick<TestRun, "passed" | "failed"> {
  const failed = testResults.flatMap(({ name, status, message, assertionResults }) => {
    const tests = assertionResults.filter((test) => test.status === "failed");
    const file = path.basename(name);
    if (tests.length === 0) return status === "failed" ? [`${file}: ${firstLine(message)}`] : [];
    return tests.map(
      ({ fullName, failureMessages: [why = ""] }) => `${file}: ${fullName}: ${firstLine(why)}`,
    );
  });
  return { passed: numPassedTests, failed };
}

function firstLine(text: string): string {
  return text.split("\n")[0]?.slice(0, 200) ?? "";
}
