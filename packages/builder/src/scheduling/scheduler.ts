import type { Emit } from "@ob/core";

/** Undefined if more output can be taken now; else a promise that resolves when it can, and never rejects. */
export type OutputTaken = () => Promise<void> | undefined;

/** Where the events of a build go. */
export interface EventSink {
  readonly emit: Emit;
  readonly outputTaken?: OutputTaken | undefined;
}

/** Emits each event to an observer, if there is one, and then on. */
export function toBoth(onEvent: Emit | undefined, emit: Emit): Emit {
  if (!onEvent) return emit;
  return (event) => {
    onEvent(event);
    emit(event);
  };
}

/**
 * One build of a spec, whose steps follow each other; each nested build is a scope of its own. `runSequentially` runs
 * scopes one after the other, `runParallel` of parallel.ts in parallel.
 */
export interface BuildScope extends EventSink {
  readonly signal: AbortSignal | undefined;

  /**
   * Begins a nested build. Resolves when the enclosing build may continue; `finished` settles when the nested one is
   * done, and need not be awaited.
   */
  fork<T>(work: (scope: BuildScope) => Promise<T>): Promise<Branch<T>>;

  /** To be called before a step. If the step has to be run, it may wait for a free slot. */
  admit(mustRun: () => Promise<boolean>): Promise<void>;

  /** Waits for another scope, which may need the slot of this one. */
  join<T>(other: Promise<T>): Promise<T>;
}

export interface Branch<T> {
  readonly finished: Promise<T>;
}

/** Runs every nested build to its end before the next one, in the order of the spec. */
export function runSequentially(
  options: EventSink & { readonly signal: AbortSignal | undefined },
): BuildScope {
  const scope: BuildScope = {
    ...options,
    async fork(work) {
      const result = await work(scope);
      return { finished: Promise.resolve(result) };
    },
    admit: () => Promise.resolve(),
    join: (other) => other,
  };
  return scope;
}
