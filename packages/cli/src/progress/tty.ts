import type { ObEvent, Phase, StepInfo } from "@ob/core";
import { createLogUpdate } from "log-update";
import type { Palette } from "../output/colors.ts";
import type { Output } from "../process-io.ts";
import type { Verbosity } from "../args/options.ts";
import { formatDuration } from "../args/units.ts";
import { createOutputCleaner, type OutputCleaner } from "../output/clean-output.ts";
import { logLine } from "../output/log-line.ts";
import { noteColor } from "./note-color.ts";
import type { Progress } from "./progress.ts";

export interface TtyOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly colors: Palette;
  readonly logColors: Palette;
  readonly verbosity: Verbosity;
  /** How many steps the spec has. */
  readonly steps: number;
  /** Several builds have something to say at a time: each line says which step it belongs to. */
  readonly sideBySide?: boolean;
  readonly now: () => number;
}

/** How often the display is drawn, in milliseconds. */
const frameTime = 100;
/** A step that says nothing of a virtual machine for so long is shown all the same: another process makes it. */
const patience = 400;
const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

interface RunningStep {
  readonly info: StepInfo;
  readonly number: number;
  readonly startedAt: number;
  readonly output: OutputCleaner;
  phase: Phase | undefined;
  /** Its heading is on the screen. Until then its output is held back: that of a cached step is never shown. */
  shown: boolean;
  held: string[];
}

/**
 * The display on a terminal: what is done scrolls up, what is under way stands in the last lines with its time.
 * A cached step is one line; its log is not shown again.
 */
export function createTtyProgress(options: TtyOptions): Progress {
  const { stdout, stderr, colors, logColors, verbosity, sideBySide = false, now } = options;
  const startedAt = now();
  const running = new Map<string, RunningStep>();
  const counts = { started: 0, saved: 0, cached: 0 };
  const draw = createLogUpdate(stdout, { showCursor: true });
  let above = "";
  let frame = 0;

  const width = () => Math.max(20, stdout.columns ?? 80);
  const counter = (step: RunningStep) =>
    colors.dim(`[${step.number}/${Math.max(options.steps, step.number)}]`);
  const print = (line: string) => {
    above += `${line}\n`;
  };
  /** Two builds can want the same layer at a time. */
  const keyOf = ({ id, build }: StepInfo) => JSON.stringify([id, ...build]);
  const inBuild = (build: readonly string[], text: string) =>
    sideBySide && build.length > 0 ? `${colors.dim(`${build.join(" › ")} ›`)} ${text}` : text;
  const printOutput = (step: RunningStep, line: string) =>
    print(sideBySide ? `${colors.dim(`[${step.number}]`)} ${line}` : line);

  const show = (step: RunningStep) => {
    if (step.shown) return;
    step.shown = true;
    print(`${counter(step)} ${inBuild(step.info.build, colors.blueBright(step.info.heading))}`);
    for (const line of step.held) printOutput(step, line);
    step.held = [];
  };

  const output = (step: RunningStep, lines: readonly string[]) => {
    if (step.shown) for (const line of lines) printOutput(step, line);
    else step.held.push(...lines);
  };

  const status = (step: RunningStep): string => {
    const time = formatDuration(now() - step.startedAt);
    const tail = step.phase === undefined ? time : `${time} ${step.phase}`;
    const sign = spinner[frame % spinner.length] ?? "";
    const room = width() - tail.length - `${sign} [${step.number}/${options.steps}]  `.length - 1;
    const partial = step.shown ? step.output.partial : "";
    const lines = [
      `${colors.cyan(sign)} ${counter(step)} ${cut(step.info.heading, room)} ${colors.dim(tail)}`,
    ];
    if (partial !== "") lines.unshift(colors.dim(cut(partial, width() - 1)));
    return lines.join("\n");
  };

  /** Puts what is new in the place of the display. */
  const scroll = () => {
    draw.clear();
    if (above !== "") stdout.write(above);
    above = "";
  };

  let paused = false;
  const flush = () => {
    if (paused) return;
    if (above !== "") scroll();
    if (running.size > 0) draw([...running.values()].map(status).join("\n"));
  };

  const tick = () => {
    frame++;
    for (const step of running.values()) if (now() - step.startedAt >= patience) show(step);
    flush();
  };
  const timer = setInterval(tick, frameTime);
  // The display alone keeps no process alive.
  timer.unref();

  const finish = (step: RunningStep, event: Extract<ObEvent, { type: "step-finished" }>) => {
    const { outcome } = event;
    const time = formatDuration(event.milliseconds);
    running.delete(keyOf(step.info));
    if (outcome === "cached" && !step.shown) {
      counts.cached++;
      const heading = inBuild(step.info.build, step.info.heading);
      print(`${colors.green("✔")} ${counter(step)} ${heading} ${colors.dim("cached")}`);
      return;
    }
    show(step);
    output(step, step.output.end());
    switch (outcome) {
      case "saved":
        counts.saved++;
        print(
          `${colors.green("✔")} ${counter(step)} saved as ${step.info.id.slice(0, 12)} ${colors.dim(time)}`,
        );
        return;
      case "cached":
        counts.cached++;
        print(`${colors.green("✔")} ${counter(step)} in the store by now ${colors.dim(time)}`);
        return;
      case "failed":
        print(`${colors.red("✖")} ${counter(step)} failed ${colors.dim(time)}`);
        return;
      case "cancelled":
        print(`${colors.yellow("■")} ${counter(step)} cancelled ${colors.dim(time)}`);
    }
  };

  const emit = (event: ObEvent) => {
    switch (event.type) {
      case "step-started":
        running.set(keyOf(event.step), {
          info: event.step,
          number: ++counts.started,
          startedAt: now(),
          output: createOutputCleaner({ styles: colors.isColorSupported }),
          phase: undefined,
          shown: false,
          held: [],
        });
        return;
      case "step-output": {
        const step = running.get(keyOf(event.step));
        if (step) output(step, step.output.push(event.bytes));
        return;
      }
      case "step-finished": {
        const step = running.get(keyOf(event.step));
        if (step) finish(step, event);
        return flush();
      }
      case "phase": {
        for (const step of running.values()) {
          if (step.info.id !== event.layer) continue;
          step.phase = event.phase;
          show(step);
        }
        break;
      }
      case "note":
        print(inBuild(event.build ?? [], noteColor(event.text, colors)(event.text)));
        return;
      case "exec":
      case "log":
        break;
    }
    const line = logLine(event, verbosity, logColors);
    if (line === undefined) return;
    if (paused) return print(line.trimEnd());
    // The next frame puts the display below it.
    scroll();
    stderr.write(line);
  };

  const stop = () => {
    paused = false;
    clearInterval(timer);
    running.clear();
    scroll();
  };

  return {
    emit,
    inOrder: false,
    say(line) {
      print(colors.yellow(line));
      flush();
    },
    pause() {
      scroll();
      paused = true;
      return {
        [Symbol.dispose]() {
          paused = false;
        },
      };
    },
    succeeded(id) {
      const total = counts.saved + counts.cached;
      print(`Got: "${id}"`);
      print(
        colors.dim(
          `${total} ${total === 1 ? "step" : "steps"}: ${counts.cached} cached, ${counts.saved} built, ` +
            `in ${formatDuration(now() - startedAt)}`,
        ),
      );
      stop();
    },
    failed: stop,
    [Symbol.dispose]: stop,
  };
}

/** The first line of `text`, at most `length` characters of it. */
function cut(text: string, length: number): string {
  const [first = "", ...more] = text.split("\n");
  const characters = Array.from(first);
  if (characters.length <= length && more.length === 0) return first;
  return `${characters.slice(0, Math.max(0, length - 1)).join("")}…`;
}
