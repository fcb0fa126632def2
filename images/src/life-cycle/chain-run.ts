import { isObError, type LayerId, type ObEvent, type StepInfo, tailLines } from "@ob/core";
import type { CaseOutput, CaseResult, LifeCycleCase } from "./case.ts";
import { type ChainSpec, type SharedStep, type SpecLine, splitOutput } from "./chain-spec.ts";
import { StepOutput } from "./step-output.ts";

export interface ChainRunOptions {
  readonly mark: string;
  readonly onStart: (name: string) => void;
  /** The outputs of cases that have ended, of all chains, by their names. */
  readonly outputs: Map<string, string>;
  readonly settle: (each: LifeCycleCase, result: Omit<CaseResult, "name">) => void;
}

/** What a build has reported of one case so far. */
interface CaseProgress {
  readonly log: string[];
  readonly parts: { readonly text: string; readonly bytes: number; readonly at: number }[];
  milliseconds: number;
  finished: number;
}

/** One attempt to build a chain: assigns what a build reports to the cases, by the lines of the spec. */
export class ChainRun {
  /** The layer of the last step that ended. */
  lastLayer: LayerId | undefined;
  /** Shared steps that have not run all of their scripts. */
  readonly broken = new Set<SharedStep>();
  readonly #spec: ChainSpec;
  readonly #options: ChainRunOptions;
  readonly #progress = new Map<LifeCycleCase, CaseProgress>();
  #line: SpecLine = {};
  #output = new StepOutput();

  constructor(spec: ChainSpec, options: ChainRunOptions) {
    this.#spec = spec;
    this.#options = options;
  }

  take(event: ObEvent): void {
    switch (event.type) {
      case "step-started":
        return this.#start(event.step);
      case "step-output":
        return this.#output.add(event.bytes);
      case "step-finished":
        return this.#finish(event.step, event);
      case "log":
        if (this.#line.each) this.#of(this.#line.each).log.push(event.text);
        return;
      case "exec":
      case "note":
      case "phase":
      case "vm-started":
      case "vm-not-kept":
        return;
    }
  }

  /** After the build has ended well: a case that was to fail has not. */
  finish(): void {
    for (const { each } of this.#spec.lines) {
      if (each?.status !== undefined) {
        this.#options.settle(each, { outcome: "failed", reason: "The command succeeded." });
      }
    }
  }

  /** What an error of the build belongs to; nothing if the build ended before the first step. */
  lineOf(error: unknown): SpecLine {
    const line = isObError(error) ? error.at?.line : undefined;
    const found = line === undefined ? undefined : this.#spec.lines[line];
    return found?.each || found?.shared ? found : this.#line;
  }

  outputOf(each: LifeCycleCase): CaseOutput {
    const { parts, log } = this.#of(each);
    return {
      text: parts.map(({ text }) => text).join(""),
      bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
      at: parts.at(-1)?.at ?? 0,
      log,
      before: this.#options.outputs,
    };
  }

  millisecondsOf(each: LifeCycleCase): number {
    return this.#of(each).milliseconds;
  }

  #start(step: StepInfo): void {
    this.#line = (step.at && this.#spec.lines[step.at.line]) ?? {};
    this.#output = new StepOutput();
    const name = this.#line.each?.name ?? this.#line.shared?.cases.map((each) => each.name).join("; ");
    if (name !== undefined) this.#options.onStart(name);
  }

  #finish(
    step: StepInfo,
    { outcome, milliseconds }: Extract<ObEvent, { readonly type: "step-finished" }>,
  ): void {
    const done = outcome === "saved" || outcome === "cached";
    if (done && step.build.length === 0) this.lastLayer = step.id;
    const { each, shared } = this.#line;
    if (each) {
      const progress = this.#of(each);
      progress.milliseconds += milliseconds;
      progress.parts.push(this.#output.part);
      if (done && step.build.length === 0) this.#stepDone(each);
    }
    if (shared && done) this.#share(shared, milliseconds);
  }

  #share(shared: SharedStep, milliseconds: number): void {
    const { cases } = shared;
    const { text, at } = this.#output.part;
    const parts = splitOutput(text, { count: cases.length, mark: this.#options.mark });
    if (!parts) {
      this.broken.add(shared);
      return;
    }
    for (const [index, each] of cases.entries()) {
      const part = parts[index] ?? { text: "", status: 0 };
      const progress = this.#of(each);
      progress.parts.push({ text: part.text, bytes: Buffer.byteLength(part.text), at });
      progress.milliseconds += milliseconds / cases.length;
      const reason = `It ended with the exit status ${part.status}.`;
      if (part.status === 0) this.#stepDone(each);
      else this.#settle(each, reason);
    }
  }

  /** Evaluates a case once all of its steps have ended. */
  #stepDone(each: LifeCycleCase): void {
    if (++this.#of(each).finished < stepsOf(each) || each.status !== undefined) return;
    const output = this.outputOf(each);
    this.#options.outputs.set(each.name, output.text);
    this.#settle(each, each.fault?.(output));
  }

  #settle(each: LifeCycleCase, reason: string | undefined): void {
    const milliseconds = this.millisecondsOf(each);
    const { settle } = this.#options;
    if (reason === undefined) return settle(each, { outcome: "passed", milliseconds });
    const outcome = each.required === false ? "warning" : "failed";
    settle(each, { outcome, reason, output: tailLines(this.outputOf(each).text, 12), milliseconds });
  }

  #of(each: LifeCycleCase): CaseProgress {
    const known = this.#progress.get(each);
    if (known) return known;
    const made = { log: [], parts: [], milliseconds: 0, finished: 0 };
    this.#progress.set(each, made);
    return made;
  }
}

function stepsOf({ ops = [], script }: LifeCycleCase): number {
  return ops.filter((op) => /^\((?:run|copy) /.test(op)).length + (script ? 1 : 0);
}
