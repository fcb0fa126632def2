import { TextDecoder } from "node:util";
import { isObError, type LayerId, type ObEvent, type StepInfo, TailText, tailLines } from "@ob/core";
import { atom, type CaseOutput, type CaseResult, type LifeCycleCase, maxOutput } from "./case.ts";

/** What a build has reported of one case so far. */
interface Progress {
  readonly log: string[];
  readonly steps: { readonly info: StepInfo; readonly text: TailText; readonly decoder: TextDecoder }[];
  bytes: number;
  milliseconds: number;
  at: number;
  finished: number;
}

export interface ChainRunOptions {
  readonly image: string;
  readonly onStart: (name: string) => void;
  /** The outputs of cases that have ended, of all chains, by their names. */
  readonly outputs: Map<string, string>;
  readonly settle: (each: LifeCycleCase, result: Omit<CaseResult, "name">) => void;
}

/** One attempt to build a chain: assigns what a build reports to the cases, by the lines of the spec. */
export class ChainRun {
  readonly spec: string;
  /** The layer of the last step that ended. */
  lastLayer: LayerId | undefined;
  readonly #cases: readonly LifeCycleCase[];
  readonly #options: ChainRunOptions;
  /** The case of each line of the spec; line 1 is at index 1. */
  readonly #lines: (LifeCycleCase | undefined)[] = [undefined];
  readonly #progress = new Map<LifeCycleCase, Progress>();
  #current: LifeCycleCase | undefined;

  constructor(cases: readonly LifeCycleCase[], options: ChainRunOptions) {
    this.#cases = cases;
    this.#options = options;
    const lines: string[] = [];
    const add = (text: string, each?: LifeCycleCase): void => {
      lines.push(text);
      this.#lines.push(each);
    };
    add("(");
    for (const each of cases) for (const build of each.builds ?? []) add(build, each);
    add(`(from ${atom(options.image)})`);
    for (const each of cases) add(each.ops.join(" "), each);
    add(")");
    this.spec = lines.join("\n");
  }

  take(event: ObEvent): void {
    switch (event.type) {
      case "step-started":
        return this.#start(event.step);
      case "step-output":
        return this.#output(event.step, event.bytes);
      case "step-finished":
        if (event.outcome === "saved" || event.outcome === "cached") this.#finish(event.step, event);
        else this.#add(event.step, event.milliseconds);
        return;
      case "log":
        if (this.#current) this.#of(this.#current).log.push(event.text);
        return;
      default:
        return;
    }
  }

  /** After the build has ended well: a case that was to fail has not. */
  finish(): void {
    for (const each of this.#cases) {
      if (each.status !== undefined) {
        this.#options.settle(each, { outcome: "failed", reason: "The command succeeded." });
      } else this.#evaluate(each);
    }
  }

  /** The case that an error of the build belongs to; undefined if it ended before the first step. */
  caseOf(error: unknown): LifeCycleCase | undefined {
    const line = isObError(error) ? error.at?.line : undefined;
    return (line === undefined ? undefined : this.#lines[line]) ?? this.#current;
  }

  outputOf(each: LifeCycleCase): CaseOutput {
    const { steps, bytes, at, log } = this.#of(each);
    const texts = steps.map(({ text }) => text.text);
    return { text: texts.join(""), steps: texts, bytes, at, log, before: this.#options.outputs };
  }

  millisecondsOf(each: LifeCycleCase): number {
    return this.#of(each).milliseconds;
  }

  #start(step: StepInfo): void {
    const each = this.#caseAt(step);
    if (each === undefined) return;
    if (this.#current !== each) this.#options.onStart(each.name);
    this.#current = each;
    this.#of(each).steps.push({ info: step, text: new TailText(maxOutput), decoder: new TextDecoder() });
  }

  #output(step: StepInfo, bytes: Uint8Array): void {
    const each = this.#caseAt(step);
    if (each === undefined) return;
    const progress = this.#of(each);
    progress.bytes += bytes.length;
    progress.at = Date.now();
    const found = progress.steps.findLast(({ info }) => info.id === step.id);
    found?.text.add(found.decoder.decode(bytes, { stream: true }));
  }

  #finish(step: StepInfo, { milliseconds }: { readonly milliseconds: number }): void {
    this.lastLayer = step.build.length === 0 ? step.id : this.lastLayer;
    const each = this.#caseAt(step);
    if (each === undefined) return;
    this.#add(step, milliseconds);
    const progress = this.#of(each);
    if (step.build.length === 0) progress.finished++;
    if (progress.finished === stepsOf(each) && each.status === undefined) this.#evaluate(each);
  }

  #add(step: StepInfo, milliseconds: number): void {
    const each = this.#caseAt(step);
    if (each !== undefined) this.#of(each).milliseconds += milliseconds;
  }

  #evaluate(each: LifeCycleCase): void {
    const output = this.outputOf(each);
    this.#options.outputs.set(each.name, output.text);
    const reason = each.fault?.(output);
    const milliseconds = this.millisecondsOf(each);
    const { settle } = this.#options;
    if (reason === undefined) return settle(each, { outcome: "passed", milliseconds });
    const outcome = each.required === false ? "warning" : "failed";
    settle(each, { outcome, reason, output: tailLines(output.text, 12), milliseconds });
  }

  #caseAt({ at }: StepInfo): LifeCycleCase | undefined {
    return at && this.#lines[at.line];
  }

  #of(each: LifeCycleCase): Progress {
    const known = this.#progress.get(each);
    if (known) return known;
    const made = { log: [], steps: [], bytes: 0, milliseconds: 0, at: 0, finished: 0 };
    this.#progress.set(each, made);
    return made;
  }
}

function stepsOf({ ops }: LifeCycleCase): number {
  return ops.filter((op) => /^\((?:run|copy) /.test(op)).length;
}
