import { isObError, type OnOutput } from "@ob/core";

/**
 * The log of a step that several callers may follow. It keeps nothing itself: a late follower reads from the store until it
 * has caught up, however long that takes.
 */
export class BuildLog {
  #bytes = 0;
  #restarts = 0;
  readonly #followers = new Set<OnOutput>();
  readonly #readStored: (signal: AbortSignal) => AsyncIterable<Uint8Array>;

  /** @param readStored reads the log from the store, from its start. */
  constructor(readStored: (signal: AbortSignal) => AsyncIterable<Uint8Array>) {
    this.#readStored = readStored;
  }

  /** The store's log is written from its start again. */
  restart(): void {
    this.#bytes = 0;
    this.#restarts += 1;
  }

  /** Passes bytes that are in the store's log on to the followers. @returns as `OnOutput`: the slowest counts. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    this.#bytes += bytes.length;
    const full = Array.from(this.#followers, (follower) => follower(bytes)).filter(
      (each) => each !== undefined,
    );
    return full.length === 0 ? undefined : Promise.all(full).then(() => undefined);
  }

  /** Calls `onOutput` with the log from its start, in order and without a gap, until `stop`. */
  follow(onOutput: OnOutput): LogFollower {
    const stopped = new AbortController();
    const { take, release } = releasable(onOutput);
    const stop = () => {
      this.#followers.delete(take);
      stopped.abort();
      release();
    };
    if (this.#bytes === 0) {
      this.#followers.add(take);
      return { caughtUp: Promise.resolve(), stop };
    }
    const caughtUp = this.#catchUp(take, stopped.signal);
    // The callers of the step await it, long after it may have failed.
    caughtUp.catch(() => undefined);
    return { caughtUp, stop };
  }

  /** Passes on what the store has until that is all there is, and from then on what comes. */
  async #catchUp(onOutput: OnOutput, signal: AbortSignal): Promise<void> {
    let [restarts, passed, before] = [this.#restarts, 0, -1];
    // In the same turn as the comparison: nothing is written in between.
    const join = () => {
      const isLast = restarts === this.#restarts && passed >= this.#bytes;
      if (isLast) this.#followers.add(onOutput);
      return isLast;
    };
    try {
      while (passed > before) {
        before = passed;
        let read = 0;
        for await (const bytes of this.#readStored(signal)) {
          if (signal.aborted) return;
          if (restarts !== this.#restarts) break;
          const fresh = bytes.subarray(Math.max(0, passed - read), Math.max(0, this.#bytes - read));
          read += bytes.length;
          passed += fresh.length;
          if (fresh.length > 0) await onOutput(fresh);
          if (signal.aborted || join()) return;
        }
        if (restarts !== this.#restarts) [restarts, passed, before] = [this.#restarts, 0, -1];
        if (join()) return;
      }
    } catch (error) {
      // The layer was deleted meanwhile with its log, or the follower has stopped.
      if (!isObError(error, "NO_SUCH_LAYER") && !signal.aborted) throw error;
    }
    if (!signal.aborted) this.#followers.add(onOutput);
  }
}

export interface LogFollower {
  /** Resolves when the start has been passed on; rejects if the store cannot read it. */
  readonly caughtUp: Promise<void>;
  /** Ends it: `onOutput` is not called again, and holds nothing up. */
  readonly stop: () => void;
}

/** `onOutput`, whose promises resolve at once when they are released. */
function releasable(onOutput: OnOutput): { readonly take: OnOutput; readonly release: () => void } {
  const waiting = new Set<() => void>();
  const take: OnOutput = (bytes) => {
    const taken = onOutput(bytes);
    if (!taken) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    const resume = () => {
      waiting.delete(resume);
      resolve();
    };
    waiting.add(resume);
    void taken.then(resume);
    return promise;
  };
  return { take, release: () => waiting.forEach((resume) => resume()) };
}
