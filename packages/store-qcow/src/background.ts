import { type Emit, isObError, errorMessage } from "@ob/core";

/** Work that nobody waits for, one piece at a time. Disposing ends it; it can be taken up again later. */
export class BackgroundWork implements AsyncDisposable {
  readonly #emit: Emit;
  #closed = false;
  #running: { readonly controller: AbortController; readonly task: Promise<void> } | undefined;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Begins the work, unless there is some already. A failure is told as a warning: `Cannot DOING: …`. */
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

  /** Ends what goes on, and waits until it holds nothing any more. */
  async stop(): Promise<void> {
    this.#running?.controller.abort();
    await this.#running?.task;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.stop();
  }
}
