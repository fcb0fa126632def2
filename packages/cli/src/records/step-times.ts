import type {
  LayerId,
  ObEvent,
  Phase,
  PhaseTime,
  StepInfo,
  StepOutcome,
  StepRecord,
  VmStart,
} from "@ob/core";

/** How many phases of a step are kept: a guest that restarts has some each time. */
const maxPhases = 100;

interface OpenStep {
  readonly info: StepInfo;
  /** By the clock. */
  readonly startedAt: number;
  readonly phases: PhaseTime[];
  current: { readonly phase: Phase; readonly startedAt: number } | undefined;
  vmStart: VmStart | undefined;
  /** See `StepRecord.vmReason`. */
  vmReason: string | undefined;
  /** Why its own VM was not kept. */
  notKept: string | undefined;
  ended: { readonly outcome: StepOutcome; readonly milliseconds: number } | undefined;
}

/** What the steps of one build spend their time on, by the events of the build. */
export class StepTimes {
  readonly #now: () => number;
  readonly #begun: number;
  /** In the order in which they began. */
  readonly #steps: OpenStep[] = [];

  /** @param now a monotonic clock, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
    this.#begun = now();
  }

  apply(event: ObEvent): void {
    switch (event.type) {
      case "step-started":
        this.#steps.push({
          ...{ info: event.step, startedAt: this.#now(), phases: [] },
          ...{
            current: undefined,
            vmStart: undefined,
            vmReason: undefined,
            notKept: undefined,
            ended: undefined,
          },
        });
        return;
      case "phase":
        return this.#openOf(event.layer).forEach((step) => this.#enter(step, event.phase));
      case "vm-started":
        return this.#openOf(event.layer).forEach((step) => {
          step.vmStart = event.start;
          step.vmReason = event.reason;
        });
      case "vm-not-kept":
        return this.#openOf(event.layer).forEach((step) => {
          step.notKept = event.reason;
        });
      case "step-finished": {
        const { id, build } = event.step;
        const step = this.#openOf(id).find(({ info }) => info.build.join("\0") === build.join("\0"));
        return step && this.#end(step, event);
      }
      case "step-output":
      case "note":
      case "exec":
      case "log":
        return;
    }
  }

  /** Ends what runs still, and returns all steps. */
  end(): readonly StepRecord[] {
    for (const step of this.#steps) {
      if (step.ended) continue;
      this.#end(step, { outcome: "unfinished", milliseconds: this.#now() - step.startedAt });
    }
    return this.#steps.flatMap((step) => (step.ended ? this.#recordOf(step, step.ended) : []));
  }

  /** Two nested builds can run one step. */
  #openOf(id: LayerId): readonly OpenStep[] {
    return this.#steps.filter(({ info, ended }) => info.id === id && !ended);
  }

  #enter(step: OpenStep, phase: Phase | undefined): void {
    const { current, phases, startedAt } = step;
    const now = this.#now();
    if (current && phases.length < maxPhases) {
      const start = Math.round(current.startedAt - startedAt);
      phases.push({ phase: current.phase, start, milliseconds: Math.round(now - current.startedAt) });
    }
    step.current = phase && { phase, startedAt: now };
  }

  #end(step: OpenStep, { outcome, milliseconds }: NonNullable<OpenStep["ended"]>): void {
    this.#enter(step, undefined);
    step.ended = { outcome, milliseconds: Math.round(milliseconds) };
  }

  /** The step before in the same stage. */
  #before(step: OpenStep): OpenStep | undefined {
    const stage = this.#steps.filter(({ info }) => info.build.join("\0") === step.info.build.join("\0"));
    return stage[stage.indexOf(step) - 1];
  }

  #recordOf(step: OpenStep, ended: NonNullable<OpenStep["ended"]>): StepRecord {
    const { info, startedAt, phases, vmStart } = step;
    const { id, op, heading, build } = info;
    const isNew = vmStart === "boot" || vmStart === "resume";
    const vmReason = isNew ? (step.vmReason ?? this.#before(step)?.notKept) : undefined;
    return {
      ...{ id, op, heading, build, start: Math.round(startedAt - this.#begun) },
      ...ended,
      ...(vmStart && { vmStart }),
      ...(vmReason !== undefined && { vmReason }),
      phases,
    };
  }
}
