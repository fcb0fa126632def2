import type { LayerId, ObEvent, Phase, StepInfo } from "@ob/core";
import { formatDuration } from "../args/units.ts";
import { printable } from "../output/printable.ts";
import { createOutputCleaner, type OutputCleaner } from "../output/clean-output.ts";
import type { Palette } from "../output/colors.ts";
import { HeldLines } from "./held-lines.ts";
import type { LastTime } from "../records/last-times.ts";
import { fitLine, widthOf } from "./fit-line.ts";
import { noteColor } from "./note-color.ts";

export interface TtyModelOptions {
  readonly colors: Palette;
  /** How many steps the spec has. */
  readonly steps: number;
  /** Builds run in parallel: each line has the number of its step. By default false. */
  readonly parallel?: boolean;
  /** A monotonic clock, in milliseconds. */
  readonly now: () => number;
  /** What a step took the last time, for the time that is left. By default that is not known. */
  readonly lastTime?: LastTime | undefined;
}

type StepFinished = Extract<ObEvent, { type: "step-finished" }>;

/** What the heading of a step gets at least in its status, in columns, before its times are shortened. */
const leastHeading = 12;
/** A step without a phase of its own is shown after this time, in milliseconds: another process builds it. */
const showAfter = 400;
const spinner = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];

interface RunningStep {
  readonly info: StepInfo;
  readonly number: number;
  readonly startedAt: number;
  /** What it took the last time, in milliseconds. */
  readonly lastTime: number | undefined;
  readonly output: OutputCleaner;
  phase: Phase | undefined;
  /** Its heading is on the screen. Until then its output is held back: that of a cached step is never shown. */
  shown: boolean;
  readonly held: HeldLines;
}

/**
 * What the display on a terminal shows of one build: finished lines, which scroll up, and the status of what runs,
 * which stays below them. It writes nothing itself.
 */
export class TtyModel {
  readonly #options: TtyModelOptions;
  readonly #startedAt: number;
  readonly #running = new Map<string, RunningStep>();
  readonly #counts = { started: 0, saved: 0, cached: 0 };
  #lines = "";
  #frame = 0;

  constructor(options: TtyModelOptions) {
    this.#options = options;
    this.#startedAt = options.now();
  }

  /** Updates the display for an event. What is logged is the caller's to show. */
  apply(event: ObEvent): void {
    switch (event.type) {
      case "step-started":
        return this.#start(event.step);
      case "step-output": {
        const step = this.#running.get(keyOf(event.step));
        return step && this.#output(step, step.output.push(event.bytes));
      }
      case "step-finished": {
        const step = this.#running.get(keyOf(event.step));
        return step && this.#finish(step, event);
      }
      case "phase":
        return this.#enterPhase(event.layer, event.phase);
      case "note":
        return this.print(
          this.#inBuild(event.build ?? [], noteColor(event.text, this.#colors)(printable(event.text))),
        );
      case "exec":
      case "log":
      case "vm-started":
      case "vm-not-kept":
        return;
    }
  }

  /** How much is to be printed, in characters. */
  get pending(): number {
    return this.#lines.length;
  }

  /** Adds a finished line. */
  print(line: string): void {
    this.#lines += `${line}\n`;
  }

  /** The finished lines since the last call, each with its line end. */
  takeLines(): string {
    const lines = this.#lines;
    this.#lines = "";
    return lines;
  }

  /** The next frame of the status. */
  advance(): void {
    this.#frame++;
    const shownBefore = this.#options.now() - showAfter;
    for (const step of this.#running.values()) if (step.startedAt <= shownBefore) this.#show(step);
  }

  /** What runs now, at most `width` characters wide; empty if nothing does. */
  status(width: number): string {
    return [...this.#running.values()].map((step) => this.#statusOf(step, width)).join("\n");
  }

  /** Adds the result and a summary. */
  succeed(id: LayerId): void {
    const { cached, saved } = this.#counts;
    const steps = saved + cached === 1 ? "1 step" : `${saved + cached} steps`;
    const time = formatDuration(this.#options.now() - this.#startedAt);
    this.print(`Got: "${id}"`);
    this.print(this.#colors.dim(`${steps}: ${cached} cached, ${saved} built, in ${time}`));
  }

  /** Nothing runs any more. */
  stop(): void {
    this.#running.clear();
  }

  get #colors(): Palette {
    return this.#options.colors;
  }

  #start(info: StepInfo): void {
    this.#running.set(keyOf(info), {
      info: { ...info, heading: printable(info.heading) },
      number: ++this.#counts.started,
      startedAt: this.#options.now(),
      lastTime: this.#options.lastTime?.(info),
      output: createOutputCleaner({ styles: this.#colors.isColorSupported }),
      phase: undefined,
      shown: false,
      held: new HeldLines(),
    });
  }

  #output(step: RunningStep, lines: readonly string[]): void {
    if (step.shown) this.#printOutput(step, lines);
    else step.held.add(lines);
  }

  #printOutput({ number }: RunningStep, lines: readonly string[]): void {
    if (lines.length === 0) return;
    const prefix = this.#options.parallel === true ? `${this.#colors.dim(`[${number}]`)} ` : "";
    this.print(prefix + lines.join(`\n${prefix}`));
  }

  #enterPhase(layer: LayerId, phase: Phase): void {
    for (const step of this.#running.values()) {
      if (step.info.id !== layer) continue;
      step.phase = phase;
      this.#show(step);
    }
  }

  #show(step: RunningStep): void {
    if (step.shown) return;
    step.shown = true;
    const { build, heading } = step.info;
    this.print(`${this.#counter(step)} ${this.#inBuild(build, this.#colors.blueBright(heading))}`);
    this.#printOutput(step, step.held.take());
  }

  #finish(step: RunningStep, { outcome, milliseconds }: StepFinished): void {
    const { green, red, yellow, dim } = this.#colors;
    const { build, heading, id } = step.info;
    const counter = this.#counter(step);
    const time = dim(formatDuration(milliseconds));
    this.#running.delete(keyOf(step.info));
    if (outcome === "saved" || outcome === "cached") this.#counts[outcome]++;
    if (outcome === "cached" && !step.shown) {
      return this.print(`${green("✔")} ${counter} ${this.#inBuild(build, heading)} ${dim("cached")}`);
    }
    this.#show(step);
    this.#output(step, step.output.end());
    switch (outcome) {
      case "saved":
        return this.print(`${green("✔")} ${counter} saved as ${id.slice(0, 12)} ${time}`);
      case "cached":
        return this.print(`${green("✔")} ${counter} cached (built concurrently) ${time}`);
      case "failed":
        return this.print(`${red("✖")} ${counter} failed ${time}`);
      case "cancelled":
        return this.print(`${yellow("■")} ${counter} cancelled ${time}`);
    }
  }

  #statusOf(step: RunningStep, width: number): string {
    const { cyan, dim } = this.#colors;
    const sign = spinner[this.#frame % spinner.length] ?? "";
    // The last column stays free: some terminals wrap behind it.
    const all = width - widthOf(`${sign} ${this.#counter(step)}  `) - 1;
    const tails = timesOf(step, this.#options.now() - step.startedAt);
    const tail = tails.find((each) => all - each.length >= leastHeading) ?? tails.at(-1) ?? "";
    const heading = fitLine(step.info.heading, all - tail.length);
    const line = `${cyan(sign)} ${this.#counter(step)} ${heading} ${dim(tail)}`;
    const partial = step.shown ? step.output.partial : "";
    return partial === "" ? line : `${dim(fitLine(partial, width - 1))}\n${line}`;
  }

  #counter({ number }: RunningStep): string {
    return this.#colors.dim(`[${number}/${Math.max(this.#options.steps, number)}]`);
  }

  #inBuild(build: readonly string[], text: string): string {
    if (this.#options.parallel !== true || build.length === 0) return text;
    return `${this.#colors.dim(`${build.join(" › ")} ›`)} ${text}`;
  }
}

/** Two builds can want the same layer at a time. */
function keyOf({ id, build }: StepInfo): string {
  return JSON.stringify([id, ...build]);
}

/** The times of a step, the longest form first: `12.3s run, ~9s left`. */
function timesOf({ phase, lastTime = 0 }: RunningStep, elapsed: number): readonly string[] {
  const time = formatDuration(elapsed);
  const whole = phase === undefined ? time : `${time} ${phase}`;
  if (lastTime <= elapsed) return [whole];
  const seconds = Math.ceil((lastTime - elapsed) / 1_000);
  const left = `~${formatDuration(seconds * 1_000).replace(/\.0s$/, "s")} left`;
  return [`${whole}, ${left}`, `${time}, ${left}`, left];
}
