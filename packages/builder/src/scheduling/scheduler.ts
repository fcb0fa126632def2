import type { Emit } from "@ob/core";

/**
 * The steps of one build, which follow each other, among those of the builds nested in it. A nested build is a chain of
 * its own. There are two ways to go through them: `oneByOne`, and `runSideBySide` of side-by-side.ts.
 */
export interface BuildScope {
  readonly emit: Emit;
  readonly signal: AbortSignal | undefined;

  /**
   * Begins a nested build. Resolves when the build around it may go on; `finished` settles when the nested one is done,
   * and nobody has to wait for it.
   */
  fork<T>(work: (chain: BuildScope) => Promise<T>): Promise<Branch<T>>;

  /** To be called before a step. If `isToBeMade` says so, it may have to wait until others have ended. */
  admit(isToBeMade: () => Promise<boolean>): Promise<void>;

  /** Waits for another chain, which may use what this one needs to run. */
  join<T>(other: Promise<T>): Promise<T>;
}

export interface Branch<T> {
  readonly finished: Promise<T>;
}

/** Every nested build is done before anything else begins, in the order of the spec. */
export function runSequentially(emit: Emit, signal: AbortSignal | undefined): BuildScope {
  const chain: BuildScope = {
    emit,
    signal,
    async fork(work) {
      const result = await work(chain);
      return { finished: Promise.resolve(result) };
    },
    admit: () => Promise.resolve(),
    join: (other) => other,
  };
  return chain;
}
