import type { Emit, LayerId, Phase, VmStart } from "@ob/core";

/** Emits each phase of a step when it starts, and in the log how long the phase before it took. */
export class PhaseTimer {
  readonly #layer: LayerId;
  readonly #emit: Emit;
  #notReused: string | undefined;
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

  /** Tells why the VM of the step before is not reused: it is said when another one has started. */
  notReused(reason: string): void {
    this.#notReused = reason;
  }

  /** Says how the step's VM came to run. */
  vmStarted(start: VmStart): void {
    const reason = this.#notReused;
    this.#emit({ type: "vm-started", layer: this.#layer, start, ...(reason !== undefined && { reason }) });
  }

  /** Says why the step's VM is not kept for the next step. */
  vmNotKept(reason: string): void {
    this.#emit({ type: "vm-not-kept", layer: this.#layer, reason });
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
