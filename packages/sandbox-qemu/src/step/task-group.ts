import { cancelledError } from "@ob/core";

/** Work that must not outlive its owner. Disposing cancels it and waits for its end. */
export class TaskGroup implements AsyncDisposable {
  readonly #closed = new AbortController();
  readonly #running = new Set<Promise<void>>();

  /** Fires when the group is disposed of, or when the caller's signal fires. */
  signal(caller: AbortSignal | undefined): AbortSignal {
    return AbortSignal.any([this.#closed.signal, ...(caller ? [caller] : [])]);
  }

  /** Has disposing wait until `work` settles. Its errors are the caller's. */
  track(work: Promise<unknown>): void {
    const settled = work.then(
      () => undefined,
      () => undefined,
    );
    this.#running.add(settled);
    void settled.then(() => this.#running.delete(settled));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(cancelledError());
    await Promise.all(this.#running);
  }
}
