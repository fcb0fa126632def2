import type { Emit, LayerId, Phase, VmStart } from "@ob/core";

/** Emits each phase of a step when it starts, and in the log how long the phase before it took. */
export class PhaseTimer {
  readonly #layer: LayerId;
  readonly #emit: Emit;
  #current: { readonly phase: Phase; readonly startedAt: number } | undefined;

  constructor(layer: LayerId, emit: Emit) {
    this.#layer = layer;
    this.#emit = emit;
  }

  /** Ends the current phase and starts the next one. */
  start(phase: Phase): void {
    this.end();
    this.#current = { phase, startedAt: performance.now() };
    this.#emit({ type: "phase", layer: this.#layer, phase });
  }

  /** Says how the step's VM came to run. */
  vmStarted(start: VmStart): void {
    this.#emit({ type: "vm-started", layer: this.#layer, start });
  }

  /** Ends the current phase, if there is one. */
  end(): void {
    if (!this.#current) return;
    const { phase, startedAt } = this.#current;
    this.#current = undefined;
    const text = `${phase}: ${Math.round(performance.now() - startedAt)} ms`;
    this.#emit({ type: "log", level: "debug", text });
  }
}
