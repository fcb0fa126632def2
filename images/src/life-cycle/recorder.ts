import type { Emit, ObEvent, Phase } from "@ob/core";

/** How often and how long something took. */
export interface Timing {
  readonly what: string;
  readonly count: number;
  /** In milliseconds. */
  readonly median: number;
  readonly longest: number;
}

/** How the machines of all steps were started. */
export interface MachineStarts {
  readonly booted: number;
  readonly resumed: number;
  /** Steps that were given the machine of the step before them. */
  readonly reused: number;
  /** Why a machine was not reused, and why no snapshot was taken, each once. */
  readonly reasons: readonly string[];
}

/* The lines in which the sandbox reports its machines: see launch.ts and run-step.ts of @ob/sandbox-qemu. */
const started = /^(booted|resumed from snapshot)\b.*, SSH login after (\d+) ms$/;
const reused = "Reusing the VM of the previous step.";
const refused = /^(?:VM will not be reused: |Booting a new VM: |no VM snapshot was taken: )/;

/** The most reasons and the most warnings that are kept. */
const maxTexts = 20;

/** Takes note of what builds report: how long each phase took, and how machines were started. */
export class Recorder {
  readonly #times = new Map<string, number[]>();
  readonly #reasons = new Set<string>();
  readonly #warnings = new Set<string>();
  #phase: { readonly phase: Phase; readonly since: number } | undefined;
  #reused = 0;
  /** True if the step that runs now was given the machine of the one before. */
  #inReused = false;

  /** An `Emit` that records, and passes everything on. */
  listen(next: Emit): Emit {
    return (event) => {
      this.#take(event);
      next(event);
    };
  }

  add(what: string, milliseconds: number): void {
    this.#times.set(what, [...(this.#times.get(what) ?? []), milliseconds]);
  }

  get timings(): readonly Timing[] {
    return [...this.#times].map(([what, times]) => {
      const sorted = times.toSorted((a, b) => a - b);
      const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
      return { what, count: times.length, median, longest: sorted.at(-1) ?? 0 };
    });
  }

  /** What builds have warned of, each once. */
  get warnings(): readonly string[] {
    return [...this.#warnings];
  }

  get starts(): MachineStarts {
    const count = (what: string): number => this.#times.get(what)?.length ?? 0;
    return {
      booted: count(startNames.booted),
      resumed: count(startNames.resumed),
      reused: this.#reused,
      reasons: [...this.#reasons],
    };
  }

  #take(event: ObEvent): void {
    if (event.type === "phase") this.#enter(event.phase);
    else if (event.type === "step-finished") {
      this.#enter(undefined);
      const machine = this.#inReused ? "in a reused machine" : "in a machine of its own";
      const { op } = event.step;
      const what = op === "from" ? "base layer, whole" : `${op}, whole step ${machine}`;
      if (event.outcome === "saved") this.add(what, event.milliseconds);
      this.#inReused = false;
    } else if (event.type === "log") {
      if (event.level !== "warning") this.#read(event.text);
      else if (this.#warnings.size < maxTexts) this.#warnings.add(event.text);
    }
  }

  #enter(phase: Phase | undefined): void {
    const now = performance.now();
    if (this.#phase) this.add(`phase ${this.#phase.phase}`, now - this.#phase.since);
    this.#phase = phase && { phase, since: now };
  }

  #read(text: string): void {
    if (text === reused) {
      this.#reused++;
      this.#inReused = true;
    } else if (refused.test(text) && this.#reasons.size < maxTexts) this.#reasons.add(text);
    const [, how, took] = started.exec(text) ?? [];
    if (how !== undefined) {
      this.add(how === "booted" ? startNames.booted : startNames.resumed, Number(took));
    }
  }
}

const startNames = {
  booted: "boot, to the login",
  resumed: "resume from a snapshot, to the login",
} as const;
