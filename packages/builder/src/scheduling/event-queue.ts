import { type Emit, errorMessage, type LayerId, type ObEvent, orCancelled, type StepInfo } from "@ob/core";
import type { EventSink, OutputTaken } from "./scheduler.ts";

/** Output that is read from the store's log when it is due. */
export interface StoredOutput {
  readonly type: "stored-output";
  readonly step: StepInfo;
  /** Where it begins in the log, in bytes. */
  readonly offset: number;
  /** In bytes. */
  length: number;
}

export type HeldEvent = ObEvent | StoredOutput;

export interface EventQueueOptions extends EventSink {
  readonly readLog: (id: LayerId, signal?: AbortSignal) => AsyncIterable<Uint8Array>;
  /** When it fires, output that still waits is dropped. */
  readonly signal: AbortSignal | undefined;
}

/** How much output all branches of a build may hold in memory, in bytes; for the rest it is noted where the store has it. */
const maxHeld = 2 * 2 ** 20;

/** Emits what is due, at once if the listener can take it, else as it is taken. */
export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #waiting: HeldEvent[] = [];
  #emptied: Promise<void> | undefined;
  #heldBytes = 0;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  readonly emit: Emit = (event) => this.#push(event);

  /** See `EventSink`. */
  readonly outputTaken: OutputTaken = () => this.#emptied ?? this.#options.outputTaken?.();

  /** Adds an event that is not due to those that are held back. @param offset of output in the step's log. */
  hold(held: HeldEvent[], event: ObEvent, offset: number): void {
    if (event.type !== "step-output") return void held.push(event);
    const { step, bytes } = event;
    const last = held.at(-1);
    if (last?.type === "stored-output" && last.step === step) {
      last.length += bytes.length;
    } else if (this.#heldBytes + bytes.length <= maxHeld) {
      this.#heldBytes += bytes.length;
      held.push(event);
    } else {
      held.push({ type: "stored-output", step, offset, length: bytes.length });
    }
  }

  /** Emits what was held back. */
  release(held: HeldEvent[]): void {
    for (const event of held.splice(0)) {
      if (event.type === "step-output") this.#heldBytes -= event.bytes.length;
      this.#push(event);
    }
  }

  /** Resolves when nothing waits. */
  async empty(): Promise<void> {
    await this.#emptied;
  }

  #push(event: HeldEvent): void {
    if (this.#emptied || event.type === "stored-output") {
      this.#waiting.push(event);
      this.#emptied ??= this.#drain(undefined);
      return;
    }
    this.#options.emit(event);
    const taken = event.type === "step-output" ? this.#options.outputTaken?.() : undefined;
    if (taken) this.#emptied = this.#drain(taken);
  }

  async #drain(taken: Promise<void> | undefined): Promise<void> {
    await this.#unlessAborted(taken);
    for (let event = this.#waiting.shift(); event; event = this.#waiting.shift()) {
      if (event.type === "stored-output") await this.#replay(event);
      else if (event.type !== "step-output") this.#options.emit(event);
      else await this.#output(event.step, event.bytes);
    }
    this.#emptied = undefined;
  }

  async #output(step: StepInfo, bytes: Uint8Array): Promise<void> {
    const { emit, outputTaken, signal } = this.#options;
    if (signal?.aborted) return;
    emit({ type: "step-output", step, bytes });
    await this.#unlessAborted(outputTaken?.());
  }

  /** A log that was deleted or written again meanwhile has less of the output, or other. */
  async #replay({ step, offset, length }: StoredOutput): Promise<void> {
    const { emit, readLog, signal } = this.#options;
    let at = 0;
    try {
      for await (const bytes of readLog(step.id, signal)) {
        const part = bytes.subarray(Math.max(0, offset - at), Math.max(0, offset + length - at));
        at += bytes.length;
        if (part.length > 0) await this.#output(step, part);
        if (at >= offset + length || signal?.aborted) return;
      }
    } catch (error) {
      if (signal?.aborted) return;
      const text = `Output of the step cannot be read again: ${errorMessage(error)}`;
      emit({ type: "log", level: "warning", text });
    }
  }

  async #unlessAborted(taken: Promise<void> | undefined): Promise<void> {
    if (taken) await orCancelled(taken, this.#options.signal).catch(() => undefined);
  }
}
