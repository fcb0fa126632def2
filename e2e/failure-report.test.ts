import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { build, obuilder } from "./support/obuilder.ts";
import { imageName, type TestStore, temporaryStore } from "./support/store.ts";

let store: TestStore;
beforeAll(async () => {
  store = await temporaryStore();
});
afterAll(() => store[Symbol.asyncDispose]());

/** How long the last build took, in seconds: a measure of this host. */
let seconds = 0;

async function failing(ops: string, flags: readonly string[] = []) {
  const start = performance.now();
  const result = await build(store, `((from ${imageName})\n${ops})`, { flags });
  seconds = (performance.now() - start) / 1000;
  return result;
}

const logFile = (id: string) => path.join(store.directory, "result-tmp", id, "log");

/** The id that the report of a failure has. */
function failedId(report: string): string {
  const id = /^ {2}id ([0-9a-f]{64})$/m.exec(report)?.[1];
  if (id === undefined) throw new Error(`The report names no id:\n${report}`);
  return id;
}

describe("the report of a failed step", () => {
  it("has its place, its last lines, and its id, by which its log is found; a missing program is explained", async () => {
    const result = await failing(`(run (shell "echo 'curl: (6) Could not resolve host: deb.debian.org'"))
(run (shell "mkdir -p ~/x && echo first; seq 40; no-such-program --now"))`);
    expect(result.exitCode, result.all).toBe(1);
    expect(result.stderr).toMatch(
      /\[WARNING\] \S+\.spec:2:1: A host name could not be resolved.*\(network host\)/,
    );
    expect(result.stderr).toMatch(
      /^Build step failed: The command failed with exit status 127\.\n\S+\.spec:3:1: \/: \(run \(shell "mkdir/m,
    );
    expect(result.stderr).toMatch(/\n {4}40\n {4}.*no-such-program: command not found\nHint: Status 127/);
    const { stdout } = await obuilder([
      "log",
      `--store=qemu:${store.directory}`,
      failedId(result.stderr).slice(0, 9),
    ]);
    expect(stdout).toMatch(/^first\n1\n2\n/);
  });

  it("explains a program that may not be run, and has its facts in the JSON result", async () => {
    const result = await failing(`(run (shell "echo before; /etc/passwd"))`, ["--progress=json"]);
    expect(result.exitCode, result.all).toBe(1);
    const last: unknown = JSON.parse(result.stdout.trimEnd().split("\n").at(-1) ?? "");
    expect(last).toMatchObject({
      type: "result",
      code: "STEP_FAILED",
      hint: expect.stringContaining("Status 126"),
      location: { file: expect.stringMatching(/\.spec$/), line: 2, column: 1 },
      step: { op: "run", status: 126, signal: null, output: expect.stringContaining("before\n") },
    });
  });
});

describe("the limits of a step", () => {
  it("end one that takes too long, whose log is kept, clipped, and says so", async () => {
    const flood = "echo begun; head -c 100000 /dev/zero | tr '\\\\0' x; sleep 6000";
    const limit = Math.ceil(seconds * 2 + 2);
    const result = await failing(`(run (shell "${flood}"))`, [`--step-timeout=${limit}s`, "--log-limit=4K"]);
    expect(result.exitCode, result.all).toBe(124);
    expect(result.stderr).toMatch(/^obuilder: The step took longer than \d+ s\.\n\S+\.spec:2:1: /m);
    const log = await readFile(logFile(failedId(result.stderr)), "utf8");
    expect(log).toMatch(
      /^begun\nx{4090}\n\[output clipped, log limit 4 KiB reached\]\n\n\[The step took longer than \d+ s\.\]\n$/,
    );
  });

  it("do not let it begin where the store's disk has less than the reserve", async () => {
    const result = await failing(`(run (shell true))`, ["--disk-reserve=8000T"]);
    expect(result.exitCode, result.all).toBe(4);
    expect(result.stderr).toMatch(
      /are free on the store's disk, less than the reserve of 8000 TiB\.\n\S+\.spec:2:1: /,
    );
  });
});
