import { cancelled, type Emit, type LayerId } from "@ob/core";
import type { Branch, BuildScope } from "./scheduler.ts";
import { OrderedEvents } from "./ordered-events.ts";
import { Semaphore } from "./semaphore.ts";

export interface ParallelOptions {
  /** So many chains make steps at a time. */
  readonly jobs: number;
  readonly emit: Emit;
  /** Hands events on in the order of the spec; by default as they come. */
  readonly ordered: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs a build whose nested builds go on beside it and each other: one waits for another only where it copies from it.
 * The first failure cancels all; it is what is thrown, when everything has ended.
 */
export async function runParallel<T>(
  options: ParallelOptions,
  work: (chain: BuildScope) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const signals = options.signal ? [options.signal, over.signal] : [over.signal];
  const emit = savedOnce(options.emit);
  const events = new OrderedEvents(emit);
  const group: Group = {
    ...options,
    emit,
    signal: AbortSignal.any(signals),
    places: new Semaphore(options.jobs),
    running: new Set(),
    failure: undefined,
    fail(error, failed) {
      if (group.signal.aborted) return;
      group.failure = { error, events: failed };
      over.abort(cancelled());
    },
  };
  try {
    const result = await new ParallelScope(group, events).run(work);
    // What nobody copies from belongs to the build all the same.
    while (group.running.size > 0) await Promise.all(group.running);
    if (group.failure) throw group.failure.error;
    return result;
  } catch (error) {
    group.fail(error, events);
    await settleAll(group.running);
    throw group.failure?.error ?? error;
  } finally {
    events.flush(group.failure?.events);
  }
}

/** What the chains of one build share. */
interface Group extends ParallelOptions {
  readonly signal: AbortSignal;
  readonly places: Semaphore;
  /** The nested builds that were begun and have not ended. */
  readonly running: Set<Promise<unknown>>;
  failure: { readonly error: unknown; readonly events: OrderedEvents } | undefined;
  fail(error: unknown, events: OrderedEvents): void;
}

/** A chain that needs a place to make steps, and keeps it until it ends or waits for another. */
class ParallelScope implements BuildScope {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly #group: Group;
  readonly #events: OrderedEvents;
  #placed = false;

  constructor(group: Group, events: OrderedEvents) {
    this.#group = group;
    this.#events = events;
    this.emit = group.ordered ? events.emit : group.emit;
    this.signal = group.signal;
  }

  async run<T>(work: (chain: BuildScope) => Promise<T>): Promise<T> {
    try {
      return await work(this);
    } catch (error) {
      this.#group.fail(error, this.#events);
      throw error;
    } finally {
      this.#leave();
    }
  }

  // oxlint-disable-next-line require-await -- the other way to go through the chains has to wait here.
  async fork<T>(work: (chain: BuildScope) => Promise<T>): Promise<Branch<T>> {
    const { running } = this.#group;
    const events = this.#events.branch();
    const branch = async (): Promise<T> => {
      const result = await new ParallelScope(this.#group, events).run(work);
      // After a failure nothing has its turn any more, until that is known to be the last.
      this.#events.end(events);
      return result;
    };
    const finished = branch().finally(() => running.delete(finished));
    running.add(finished);
    // Whoever copies from it meets the failure, and so does the end of the build.
    finished.catch(() => undefined);
    return { finished };
  }

  async admit(isToBeMade: () => Promise<boolean>): Promise<void> {
    if (this.#placed || !(await isToBeMade())) return;
    await this.#group.places.acquire(this.signal);
    this.#placed = true;
  }

  async join<T>(other: Promise<T>): Promise<T> {
    this.#leave();
    return await other;
  }

  #leave(): void {
    if (!this.#placed) return;
    this.#placed = false;
    this.#group.places.release();
  }
}

/** Where several wait for one making of a layer, the first is told that it was saved, and the others find it. */
function savedOnce(emit: Emit): Emit {
  const saved = new Set<LayerId>();
  return (event) => {
    const wasSaved = event.type === "step-finished" && event.outcome === "saved";
    if (wasSaved && saved.has(event.step.id)) return emit({ ...event, outcome: "cached" });
    if (wasSaved) saved.add(event.step.id);
    emit(event);
  };
}

/** Until no nested build is left, those included that others begin meanwhile. */
async function settleAll(running: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (running.size > 0) await Promise.allSettled(running);
}
