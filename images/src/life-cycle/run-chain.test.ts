import { ObError } from "@ob/core";
import { describe, expect, it } from "vitest";
import { FakeEngine, type FakeEngineOptions } from "../testing/fake-engine.ts";
import { type CaseResult, expectLines, type LifeCycleCase, runOp } from "./case.ts";
import { Recorder } from "./recorder.ts";
import { type ChainTools, runChain } from "./run-chain.ts";

/** A case whose only step runs a command, and that wants its name printed. */
function runs(command: string, more: Partial<LifeCycleCase> = {}): LifeCycleCase {
  return { name: command, ops: [runOp([command])], fault: expectLines(command), ...more };
}

async function check(
  cases: readonly LifeCycleCase[],
  options: FakeEngineOptions,
  more: Partial<ChainTools> = {},
) {
  const engine = new FakeEngine(options);
  const told: CaseResult[] = [];
  const { results, layer } = await runChain(
    { reuseVm: true, groups: [{ setting: [], cases }] },
    {
      ...{ engine, image: "image", sourceDirectory: "/", secrets: new Map(), stepTimeoutMs: 1000 },
      ...{ recorder: new Recorder(), outputs: new Map(), mark: "mark", isStored: async () => false },
      ...{ onStart: () => undefined, onResult: (result: CaseResult) => void told.push(result) },
      ...{ signal: new AbortController().signal, emit: () => undefined, ...more },
    },
  );
  return { engine, results, layer, told };
}

/** A guest that prints each command, as those cases want it. */
const echo = (command: string) => ({ prints: `${command}\n` });

describe("a chain of cases", () => {
  it("is one build, in which each case passes as soon as its steps have ended", async () => {
    const { engine, results, told } = await check([runs("one"), runs("two")], { run: echo });
    expect(engine.builds).toHaveLength(1);
    expect(results.map(({ name, outcome }) => [name, outcome])).toEqual([
      ["one", "passed"],
      ["two", "passed"],
    ]);
    expect(told).toEqual(results);
  });

  it("continues without a case whose command fails, and does not run again what came before it", async () => {
    const run = (command: string) =>
      command === "two" ? { prints: "no two here\n", status: 7 } : echo(command);
    const { engine, results } = await check([runs("one"), runs("two"), runs("three")], { run });
    expect(engine.ran).toEqual(["one", "two", "three"]);
    expect(results.map(({ outcome }) => outcome)).toEqual(["passed", "failed", "passed"]);
    expect(results[1]).toMatchObject({
      reason: "The command failed with exit status 7.",
      output: "no two here",
    });
  });

  it("reports a step that failed without an exit status", async () => {
    const throws = new ObError("STEP_FAILED", "The guest has no such user.");
    const run = () => ({ prints: "one\n", throws });
    const { results } = await check([runs("one")], { run });
    expect(results).toMatchObject([{ outcome: "failed", reason: "The guest has no such user." }]);
  });

  it("reports a case with a wrong output, and builds on", async () => {
    const run = (command: string) => (command === "one" ? { prints: "other\n" } : echo(command));
    const { engine, results } = await check([runs("one"), runs("two")], { run });
    expect(engine.builds).toHaveLength(1);
    expect(results[0]).toMatchObject({
      outcome: "failed",
      reason: 'It did not print the line "one".',
      output: "other",
    });
    expect(results[1]?.outcome).toBe("passed");
  });

  it("counts a case that builds can do without as a warning", async () => {
    const { results } = await check([runs("one", { required: false })], { run: () => ({ status: 1 }) });
    expect(results).toMatchObject([{ outcome: "warning" }]);
  });

  it("skips what the guest's profile does not support, with its words", async () => {
    const throws = new ObError("UNSUPPORTED", "This guest has no caches.");
    const run = (command: string) => (command === "one" ? { throws } : echo(command));
    const { results } = await check([runs("one"), runs("two")], { run });
    expect(results).toMatchObject([
      { outcome: "skipped", reason: "This guest has no caches." },
      { outcome: "passed" },
    ]);
  });

  it("ends if no machine can be started, and says so of each case that was not run", async () => {
    const throws = new ObError("BOOT_FAILED", "The guest did not answer.\nits console");
    const run = (command: string) => (command === "one" ? { throws } : echo(command));
    const { engine, results } = await check([runs("one"), runs("two")], { run });
    expect(engine.ran).toEqual(["one"]);
    expect(results).toMatchObject([
      { outcome: "failed", reason: "The guest did not answer.", output: "its console" },
      { outcome: "skipped", reason: "Not run, because of the failure of: one." },
    ]);
  });

  it("gives a build the secret only if a case uses it", async () => {
    const secrets = new Map([["check", Buffer.from("x")]]);
    const uses = runs("two", { ops: [runOp(["two"], "(secrets (check (target /x)))")] });
    const without = await check([runs("one")], { run: echo }, { secrets });
    const withSecret = await check([uses], { run: echo }, { secrets });
    expect(without.engine.builds[0]?.secrets.size).toBe(0);
    expect(withSecret.engine.builds[0]?.secrets.size).toBe(1);
  });

  it("is cancelled by its signal", async () => {
    const abort = new AbortController();
    const run = () => {
      abort.abort();
      return {};
    };
    const checking = check([runs("one"), runs("two")], { run }, { signal: abort.signal });
    await expect(checking).rejects.toMatchObject({ code: "CANCELLED" });
  });
});

describe("cases that share a step", () => {
  const scripted = (name: string, more: Partial<LifeCycleCase> = {}): LifeCycleCase => ({
    ...{ name, script: [`echo ${name}`], fault: expectLines(name), ...more },
  });
  /** What a guest prints for the shared step of two scripts. */
  const both = (first: string, second: string) =>
    `banner\nmark begin 0\n${first}\nmark end 0 0\r\nmark begin 1\r\n${second}`;

  it("each get their own part of its output, and the exit status of their own script", async () => {
    const run = () => ({ prints: both("one\n", "no two\nmark end 1 3\n") });
    const { engine, results } = await check([scripted("one"), scripted("two")], { run });
    expect(engine.ran).toHaveLength(1);
    expect(results).toMatchObject([
      { name: "one", outcome: "passed" },
      {
        ...{ name: "two", outcome: "failed", output: "no two" },
        reason: "It ended with the exit status 3.",
      },
    ]);
  });

  it.each([
    ["fails", { prints: both("one\n", ""), status: 1 }],
    ["does not run all of them", { prints: both("one\n", "") }],
  ])("get steps of their own if that step %s", async (_, shared) => {
    const run = (command: string) =>
      command.includes("begin") ? shared : { prints: `${command.replace("echo ", "")}\n` };
    const { engine, results } = await check([scripted("one"), scripted("two")], { run });
    expect(engine.ran.slice(1)).toEqual(["echo one", "echo two"]);
    expect(results.map(({ outcome }) => outcome)).toEqual(["passed", "passed"]);
  });

  it("run after the ops of each, of which one can fail alone", async () => {
    const ops = [runOp(["prepare"])];
    const run = (command: string) => (command === "prepare" ? { status: 1 } : { prints: "two\n" });
    const { results } = await check([scripted("one", { ops }), scripted("two")], { run });
    expect(results.map(({ outcome }) => outcome)).toEqual(["failed", "passed"]);
  });
});

describe("a case whose command must fail", () => {
  const three = runs("exit 3", { status: 3 });
  const run = (status: number) => () => ({ prints: "exit 3\n", status });

  it("passes with that status, and the cases after it are run", async () => {
    const { results } = await check([three, runs("two")], {
      run: (command) => (command === "two" ? echo(command) : run(3)()),
    });
    expect(results.map(({ outcome }) => outcome)).toEqual(["passed", "passed"]);
  });

  it.each([
    [1, "The command failed with exit status 1."],
    [0, "The command succeeded."],
  ])("fails with the status %i", async (status, reason) => {
    const { results } = await check([three], { run: run(status) });
    expect(results).toMatchObject([{ outcome: "failed", reason }]);
  });

  it("fails if its step left a layer", async () => {
    const { results } = await check([three], { run: run(3) }, { isStored: async () => true });
    expect(results).toMatchObject([{ outcome: "failed", reason: "The failed step left a layer." }]);
  });
});
