import { isObError } from "@ob/core";

/** Gets the bytes of a log as they come. */
export type OnOutput = (bytes: Uint8Array) => void;

/**
 * The log of a step that several callers may follow. It keeps nothing itself: a late follower reads the start from the
 * store, and then gets what was written meanwhile.
 */
export class BuildLog {
  #bytes = 0;
  readonly #followers = new Set<OnOutput>();
  readonly #readStored: (signal: AbortSignal) => AsyncIterable<Uint8Array>;

  /** @param readStored reads the log from the store, from its start. */
  constructor(readStored: (signal: AbortSignal) => AsyncIterable<Uint8Array>) {
    this.#readStored = readStored;
  }

  /** The store's log is written from its start again. */
  restart(): void {
    this.#bytes = 0;
  }

  /** Passes bytes that are in the store's log on to the followers. */
  write(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    for (const follower of this.#followers) follower(bytes);
  }

  /** Calls `onOutput` with the log from its start, in order and without a gap, until `stop`. */
  follow(onOutput: OnOutput): LogFollower {
    const missed = this.#bytes;
    if (missed === 0) {
      this.#followers.add(onOutput);
      return { caughtUp: Promise.resolve(), stop: () => void this.#followers.delete(onOutput) };
    }
    const stopped = new AbortController();
    const waiting: Uint8Array[] = [];
    let receive: OnOutput = (bytes) => void waiting.push(bytes);
    const follower: OnOutput = (bytes) => receive(bytes);
    this.#followers.add(follower);
    const catchUp = async () => {
      await this.#replay(missed, { onOutput, signal: stopped.signal });
      if (stopped.signal.aborted) return;
      for (const bytes of waiting.splice(0)) onOutput(bytes);
      receive = onOutput;
    };
    const caughtUp = catchUp();
    // The callers of the step await it, long after it may have failed.
    caughtUp.catch(() => undefined);
    const stop = () => {
      this.#followers.delete(follower);
      stopped.abort();
    };
    return { caughtUp, stop };
  }

  /** The first `length` bytes, from the store. */
  async #replay(
    length: number,
    { onOutput, signal }: { readonly onOutput: OnOutput; readonly signal: AbortSignal },
  ): Promise<void> {
    let left = length;
    try {
      for await (const bytes of this.#readStored(signal)) {
        if (signal.aborted) return;
        onOutput(bytes.subarray(0, left));
        left -= bytes.length;
        if (left <= 0) return;
      }
    } catch (error) {
      // The layer was deleted meanwhile with its log, or the follower has stopped.
      if (!isObError(error, "NO_SUCH_LAYER") && !signal.aborted) throw error;
    }
  }
}

export interface LogFollower {
  /** Resolves when the start has been passed on; rejects if the store cannot read it. */
  readonly caughtUp: Promise<void>;
  /** Ends it: `onOutput` is not called again. */
  readonly stop: () => void;
}
