import type { Emit, LayerId, ObEvent, StepInfo } from "@ob/core";
import type { OpenSpan, Tracing } from "./span.ts";

interface RunningStep {
  readonly info: StepInfo;
  readonly startTime: number;
  span: OpenSpan | undefined;
  phase: OpenSpan | undefined;
}

/** Makes spans of the steps of a build and of their phases; steps that were there already have none. */
export class StepTracer implements Disposable {
  readonly #tracing: Tracing;
  readonly #parent: string;
  readonly #running = new Map<LayerId, RunningStep>();

  /** @param parent W3C trace context. */
  constructor(tracing: Tracing, parent: string) {
    this.#tracing = tracing;
    this.#parent = parent;
  }

  readonly emit: Emit = (event: ObEvent) => {
    if (event.type === "step-started") {
      this.#end(event.step.id, "cancelled");
      const step = { info: event.step, startTime: Date.now(), span: undefined, phase: undefined };
      this.#running.set(event.step.id, step);
    } else if (event.type === "phase") {
      const step = this.#running.get(event.layer);
      if (!step) return;
      step.phase?.end("ended");
      step.phase = this.#tracing.start(event.phase, { parent: this.#spanOf(step).traceparent });
    } else if (event.type === "step-finished") {
      const step = this.#running.get(event.step.id);
      if (step && event.outcome !== "cached") this.#spanOf(step);
      this.#end(event.step.id, event.outcome);
    }
  };

  /** Ends what runs. */
  [Symbol.dispose](): void {
    for (const id of [...this.#running.keys()]) this.#end(id, "cancelled");
  }

  #spanOf(step: RunningStep): OpenSpan {
    const { id, op, heading } = step.info;
    step.span ??= this.#tracing.start(`step ${op}`, {
      parent: this.#parent,
      startTime: step.startTime,
      attributes: { "obuilder.layer": id, "obuilder.heading": heading },
    });
    return step.span;
  }

  #end(id: LayerId, outcome: string): void {
    const step = this.#running.get(id);
    step?.phase?.end("ended");
    step?.span?.end(outcome);
    this.#running.delete(id);
  }
}
