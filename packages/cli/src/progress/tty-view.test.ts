import type { Emit } from "@ob/core";
import { createColors } from "../output/colors.ts";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { idOf, stepOf } from "../testing/terminal.ts";
import { VirtualTerminal } from "../testing/virtual-terminal.ts";
import type { LastTime } from "../records/last-times.ts";
import type { Progress } from "./progress.ts";
import { createTtyProgress } from "./tty-view.ts";

const base = stepOf(idOf("b"), "(from debian-12)");
const run = stepOf(idOf("c"), '/: (run (shell "make all"))', base.id);

let clock = 0;
/** Lets time pass, and the display be drawn. */
function pass(milliseconds: number): void {
  for (let left = milliseconds; left > 0; left -= 100) {
    clock += Math.min(100, left);
    vi.advanceTimersByTime(Math.min(100, left));
  }
}

/** Lets time pass in which the display is not drawn but once, at its end: a terminal takes only so many frames at a time. */
function skip(milliseconds: number): void {
  clock += milliseconds - 100;
  pass(100);
}

beforeEach(() => {
  clock = 0;
  // The virtual terminal needs the others.
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
});
afterEach(() => {
  vi.useRealTimers();
});

interface DisplayOptions {
  readonly parallel?: boolean;
  readonly lastTime?: LastTime;
}

function display(columns = 60, rows = 12, { parallel = false, lastTime }: DisplayOptions = {}) {
  const terminal = new VirtualTerminal(columns, rows);
  const colors = createColors(false);
  const progress = createTtyProgress({
    stdout: terminal,
    stderr: terminal,
    colors,
    logColors: colors,
    verbosity: "info",
    steps: 2,
    parallel,
    lastTime,
    now: () => clock,
  });
  return { terminal, progress };
}

function cachedBase(emit: Emit): void {
  emit({ type: "step-started", step: base });
  emit({ type: "step-output", step: base, bytes: Buffer.from("old log\n") });
  emit({ type: "step-finished", step: base, outcome: "cached", milliseconds: 2 });
}

function startedRun({ emit }: Progress): void {
  cachedBase(emit);
  emit({ type: "step-started", step: run });
  emit({ type: "phase", layer: run.id, phase: "boot" });
}

describe("the display on a terminal", () => {
  it("shows finished steps, the output of the running step, and its status with the time below", async () => {
    const { terminal, progress } = display();
    startedRun(progress);
    pass(2_500);
    progress.emit({ type: "phase", layer: run.id, phase: "run" });
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from("cc -c a.c\ncc -c b.c\nlinking") });
    pass(1_000);
    expect(await terminal.lines()).toEqual([
      "✔ [1/2] (from debian-12) cached",
      '[2/2] /: (run (shell "make all"))',
      "cc -c a.c",
      "cc -c b.c",
      "linking",
      expect.stringMatching(/^. \[2\/2\] \/: \(run \(shell "make all"\)\) 3\.5s run$/),
    ]);
    progress[Symbol.dispose]();
  });

  it("ends with the id and a summary, and leaves nothing of the display", async () => {
    const { terminal, progress } = display(100);
    startedRun(progress);
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from("no line end") });
    pass(9_000);
    progress.emit({ type: "step-finished", step: run, outcome: "saved", milliseconds: 9_000 });
    progress.succeeded(run.id);
    progress[Symbol.dispose]();
    expect(await terminal.lines()).toEqual([
      "✔ [1/2] (from debian-12) cached",
      '[2/2] /: (run (shell "make all"))',
      "no line end",
      "✔ [2/2] saved as cccccccccccc 9.0s",
      `Got: "${run.id}"`,
      "2 steps: 1 cached, 1 built, in 9.0s",
    ]);
  });

  it("is not broken by control sequences of a guest", async () => {
    const { terminal, progress } = display();
    startedRun(progress);
    pass(200);
    const wreck = "\x1b[2J\x1b[H\x1b[?1049h\x1b[5A\x1bc\r\x1b]0;gone\x07safe\n50%\r100%\n\x1b[31mred\n";
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from(wreck) });
    pass(200);
    progress.failed({ error: new Error("x"), exitCode: 1 });
    expect(await terminal.lines()).toEqual([
      "✔ [1/2] (from debian-12) cached",
      '[2/2] /: (run (shell "make all"))',
      "safe",
      "100%",
      "red",
    ]);
  });

  it("keeps long lines whole, and fits its own lines into a narrow terminal", async () => {
    const { terminal, progress } = display(24);
    startedRun(progress);
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from(`${"x".repeat(40)}\n`) });
    pass(12_300);
    const lines = await terminal.lines();
    expect(lines.slice(-3, -1)).toEqual(["x".repeat(24), "x".repeat(16)]);
    expect(lines.at(-1)).toMatch(/^. \[2\/2\] .*… 12\.3s boot$/);
    progress[Symbol.dispose]();
  });

  it("shows the time that is left of what the step took the last time", async () => {
    const { terminal, progress } = display(60, 12, {
      lastTime: ({ op }) => (op === "run" ? 75_000 : undefined),
    });
    startedRun(progress);
    pass(2_500);
    const status = async () => (await terminal.lines()).at(-1);
    expect(await status()).toMatch(/^. \[2\/2\] \/: \(run \(shell "make all"\)\) 2\.5s boot, ~1m 13s left$/);
    progress.emit({ type: "phase", layer: run.id, phase: "run" });
    skip(70_000);
    expect(await status()).toMatch(/ 1m 13s run, ~3s left$/);
    // It takes longer than the last time.
    skip(5_000);
    expect(await status()).toMatch(/ 1m 18s run$/);
    progress[Symbol.dispose]();
  });

  it.each([
    [60, String.raw`\(run \(shell "make all"\)\) 12\.3s boot, ~28s left`],
    [50, String.raw`\(run \(shell "m.*… 12\.3s boot, ~28s left`],
    [40, String.raw`\(run .*… 12\.3s, ~28s left`],
    [34, String.raw`\(run .*… ~28s left`],
    [20, String.raw`…? ?~28s left`],
  ])("is right in %d columns", async (columns, expected) => {
    const { terminal, progress } = display(columns, 12, { lastTime: () => 40_000 });
    startedRun(progress);
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from("中文".repeat(20)) });
    skip(12_300);
    const lines = await terminal.lines();
    expect(lines.at(-1)).toMatch(new RegExp(`^. \\[2/2\\] .*${expected}$`));
    expect(lines.at(-2)).toMatch(/^(?:中文)+中?…$/);
    expect(lines.slice(0, -2).join("").replaceAll(" ", "")).toBe(
      '✔[1/2](fromdebian-12)cached[2/2]/:(run(shell"makeall"))',
    );
    progress[Symbol.dispose]();
  });

  it("stays right when the terminal becomes narrower and wider", async () => {
    const { terminal, progress } = display(80, 12);
    startedRun(progress);
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from(`one\n${"y".repeat(70)}`) });
    pass(1_000);
    for (const columns of [40, 23, 100, 30, 31, 80]) {
      await terminal.resize(columns, 12);
      pass(200);
      const lines = await terminal.lines();
      // Nothing of an older status is left, and nothing that is finished is lost.
      expect(lines.filter((line) => /\ds boot$/.test(line))).toHaveLength(1);
      expect(lines.filter((line) => line.includes("yyy"))).toHaveLength(1);
      expect(lines).toContain("one");
      expect(lines.join("")).toContain("(from debian-12)");
    }
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from("\ntwo\n") });
    await terminal.resize(40, 12);
    progress.emit({ type: "step-finished", step: run, outcome: "saved", milliseconds: 2_000 });
    progress[Symbol.dispose]();
    expect((await terminal.lines()).slice(2)).toEqual([
      ...["one", "y".repeat(40), "y".repeat(30), "two", "✔ [2/2] saved as cccccccccccc 2.0s"],
    ]);
  });

  it("scrolls a long output without losing or repeating a line", async () => {
    const { terminal, progress } = display(60, 8);
    startedRun(progress);
    for (let line = 0; line < 50; line++) {
      progress.emit({ type: "step-output", step: run, bytes: Buffer.from(`line ${line}\n`) });
      if (line % 7 === 0) pass(100);
    }
    progress.emit({ type: "step-finished", step: run, outcome: "failed", milliseconds: 1_234 });
    progress.failed({ error: new Error("x"), exitCode: 1 });
    const lines = await terminal.lines();
    expect(lines.filter((line) => line.startsWith("line "))).toEqual(
      Array.from({ length: 50 }, (_, line) => `line ${line}`),
    );
    expect(lines.at(-1)).toBe("✖ [2/2] failed 1.2s");
  });

  it("takes a flood of output no faster than the terminal", async () => {
    const { terminal, progress } = display(60, 8);
    startedRun(progress);
    const piece = Buffer.from("0123456789\n".repeat(3_000));
    let sent = 0;
    while (!progress.outputTaken()) {
      progress.emit({ type: "step-output", step: run, bytes: piece });
      sent += piece.length;
    }
    expect(sent).toBeLessThan(400_000);
    await progress.outputTaken();
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from("last\n") });
    progress.failed({ error: new Error("x"), exitCode: 1 });
    expect(await terminal.lines()).toContain("last");
  });

  it("shows the log of a step that another process runs", async () => {
    const { terminal, progress } = display();
    progress.emit({ type: "step-started", step: run });
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from("from elsewhere\n") });
    expect(await terminal.lines()).toEqual([]);
    pass(500);
    expect(await terminal.lines()).toContain("from elsewhere");
    progress.emit({ type: "step-finished", step: run, outcome: "cached", milliseconds: 500 });
    progress.succeeded(run.id);
    expect(await terminal.lines()).toContain("✔ [1/2] cached (built concurrently) 0.5s");
  });

  it("puts log lines and messages above the status", async () => {
    const { terminal, progress } = display();
    startedRun(progress);
    pass(100);
    progress.emit({ type: "exec", argv: ["qemu-img", "info"] });
    progress.say("Cancelling…");
    pass(100);
    progress.emit({ type: "step-finished", step: run, outcome: "cancelled", milliseconds: 200 });
    progress.failed({ error: new Error("x"), exitCode: 130 });
    expect(await terminal.lines()).toEqual([
      "✔ [1/2] (from debian-12) cached",
      '[2/2] /: (run (shell "make all"))',
      'obuilder: [INFO] Exec "qemu-img" "info"',
      "Cancelling…",
      "■ [2/2] cancelled 0.2s",
    ]);
  });

  it("shows notes and multi-line headings in their order", async () => {
    const { terminal, progress } = display();
    progress.emit({ type: "note", text: '(build "tools" …)' });
    cachedBase(progress.emit);
    progress.emit({ type: "note", text: '--> finished "tools"' });
    progress.emit({
      type: "step-started",
      step: { ...run, heading: "/: (run (network host)\n        (shell x))" },
    });
    pass(500);
    progress[Symbol.dispose]();
    expect(await terminal.lines()).toEqual([
      '(build "tools" …)',
      "✔ [1/2] (from debian-12) cached",
      '--> finished "tools"',
      "[2/2] /: (run (network host)",
      "        (shell x))",
    ]);
  });

  it("prefixes each line with its step when builds run in parallel", async () => {
    const { terminal, progress } = display(60, 12, { parallel: true });
    const tools = { ...stepOf(idOf("d"), "/: (run (shell make))", base.id), build: ["tools"] };
    progress.emit({ type: "note", text: '(build "tools" …)', build: ["tools"] });
    for (const step of [tools, run]) {
      progress.emit({ type: "step-started", step });
      progress.emit({ type: "phase", layer: step.id, phase: "run" });
    }
    progress.emit({ type: "step-output", step: run, bytes: Buffer.from("main\n") });
    progress.emit({ type: "step-output", step: tools, bytes: Buffer.from("cc a.c\n") });
    progress.emit({ type: "step-finished", step: tools, outcome: "saved", milliseconds: 1_000 });
    pass(100);
    expect(await terminal.lines()).toEqual([
      'tools › (build "tools" …)',
      "[1/2] tools › /: (run (shell make))",
      '[2/2] /: (run (shell "make all"))',
      "[2] main",
      "[1] cc a.c",
      "✔ [1/2] saved as dddddddddddd 1.0s",
      expect.stringMatching(/^. \[2\/2\] \/: \(run \(shell "make all"\)\) 0\.1s run$/),
    ]);
    progress[Symbol.dispose]();
  });

  it("shows a step of two parallel builds twice", async () => {
    const { terminal, progress } = display(60, 12, { parallel: true });
    const other = { ...run, build: ["tools"] };
    for (const step of [run, other]) progress.emit({ type: "step-started", step });
    for (const step of [run, other]) {
      progress.emit({ type: "step-finished", step, outcome: "cached", milliseconds: 1 });
    }
    progress.succeeded(run.id);
    expect(await terminal.lines()).toEqual([
      '✔ [1/2] /: (run (shell "make all")) cached',
      '✔ [2/2] tools › /: (run (shell "make all")) cached',
      `Got: "${run.id}"`.slice(0, 60),
      `Got: "${run.id}"`.slice(60),
      "2 steps: 2 cached, 0 built, in 0.0s",
    ]);
  });

  it("stops drawing when it is disposed of", () => {
    const { progress } = display();
    startedRun(progress);
    progress[Symbol.dispose]();
    progress[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
  });
});
