import { type Emit, isObError, errorMessage } from "@ob/core";

/** Background work, one task at a time. Disposing ends it; a later use can start it again. */
export class BackgroundWork implements AsyncDisposable {
  readonly #emit: Emit;
  #closed = false;
  #running: { readonly controller: AbortController; readonly task: Promise<void> } | undefined;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Starts the work, unless a task is running. A failure is reported as a warning: `Cannot DOING: …`. */
  start(doing: string, work: (signal: AbortSignal) => Promise<void>): void {
    if (this.#closed || this.#running) return;
    const controller = new AbortController();
    const { signal } = controller;
    const task = work(signal)
      .catch((error: unknown) => {
        if (signal.aborted && isObError(error, "CANCELLED")) return;
        this.#emit({ type: "log", level: "warning", text: `Cannot ${doing}: ${errorMessage(error)}` });
      })
      .finally(() => {
        this.#running = undefined;
      });
    this.#running = { controller, task };
  }

  /** Ends the running task, and waits until it has released its resources. */
  async stop(): Promise<void> {
    this.#running?.controller.abort();
    await this.#running?.task;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.stop();
  }
}
