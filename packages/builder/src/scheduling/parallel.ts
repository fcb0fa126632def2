import { cancelledError, type Emit, type LayerId } from "@ob/core";
import { EventQueue, type EventQueueOptions } from "./event-queue.ts";
import { type Branch, type BuildScope, type OutputTaken, toBoth } from "./scheduler.ts";
import { OrderedEvents } from "./ordered-events.ts";
import { Semaphore } from "./semaphore.ts";

export interface ParallelOptions extends EventQueueOptions {
  /** The number of scopes that run steps at a time. */
  readonly jobs: number;
  /** Emits events in the order of the spec, else as they come. */
  readonly ordered: boolean;
  /** Gets each event when it happens. */
  readonly onEvent?: Emit | undefined;
}

/**
 * Runs a build and its nested builds in parallel: one waits for another only if it copies from it. The first failure
 * cancels all, and is thrown when everything has ended.
 */
export async function runParallel<T>(
  options: ParallelOptions,
  work: (scope: BuildScope) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const signals = options.signal ? [options.signal, ended.signal] : [ended.signal];
  const emit = savedOnce(options.emit);
  const queue = new EventQueue({ ...options, emit });
  const events = new OrderedEvents(queue);
  const group: Group = {
    ...options,
    emit,
    onEvent: options.onEvent && savedOnce(options.onEvent),
    signal: AbortSignal.any(signals),
    slots: new Semaphore(options.jobs),
    running: new Set(),
    failure: undefined,
    fail(error, failed) {
      if (group.signal.aborted) return;
      group.failure = { error, events: failed };
      ended.abort(cancelledError());
    },
  };
  try {
    const result = await new ParallelScope(group, events).run(work);
    // Nested builds that are not copied from belong to the build too.
    while (group.running.size > 0) await Promise.all(group.running);
    if (group.failure) throw group.failure.error;
    return result;
  } catch (error) {
    group.fail(error, events);
    await settleAll(group.running);
    throw group.failure?.error ?? error;
  } finally {
    events.flush(group.failure?.events);
    await queue.empty();
  }
}

/** What the scopes of one build share. */
interface Group extends ParallelOptions {
  readonly signal: AbortSignal;
  readonly slots: Semaphore;
  /** The nested builds that run. */
  readonly running: Set<Promise<unknown>>;
  failure: { readonly error: unknown; readonly events: OrderedEvents } | undefined;
  fail(error: unknown, events: OrderedEvents): void;
}

/** A scope that needs a slot to run steps, and keeps it until it ends or waits for another scope. */
class ParallelScope implements BuildScope {
  readonly emit: Emit;
  readonly outputTaken: OutputTaken | undefined;
  readonly signal: AbortSignal;
  readonly #group: Group;
  readonly #events: OrderedEvents;
  #hasSlot = false;

  constructor(group: Group, events: OrderedEvents) {
    this.#group = group;
    this.#events = events;
    const { emit, outputTaken } = group.ordered ? events : group;
    this.emit = toBoth(group.onEvent, emit);
    this.outputTaken = outputTaken;
    this.signal = group.signal;
  }

  async run<T>(work: (scope: BuildScope) => Promise<T>): Promise<T> {
    try {
      return await work(this);
    } catch (error) {
      this.#group.fail(error, this.#events);
      throw error;
    } finally {
      this.#leave();
    }
  }

  // oxlint-disable-next-line require-await -- the sequential scope waits here.
  async fork<T>(work: (scope: BuildScope) => Promise<T>): Promise<Branch<T>> {
    const { running } = this.#group;
    const events = this.#events.branch();
    const branch = async (): Promise<T> => {
      const result = await new ParallelScope(this.#group, events).run(work);
      // After a failure no branch gets its turn: flush emits the failed one last.
      this.#events.end(events);
      return result;
    };
    const finished = branch().finally(() => running.delete(finished));
    running.add(finished);
    // Copies from it and the end of the build get the failure.
    finished.catch(() => undefined);
    return { finished };
  }

  async admit(mustRun: () => Promise<boolean>): Promise<void> {
    if (this.#hasSlot || !(await mustRun())) return;
    await this.#group.slots.acquire(this.signal);
    this.#hasSlot = true;
  }

  async join<T>(other: Promise<T>): Promise<T> {
    this.#leave();
    return await other;
  }

  #leave(): void {
    if (!this.#hasSlot) return;
    this.#hasSlot = false;
    this.#group.slots.release();
  }
}

/** Of several scopes that wait for one run of a step, the first reports it as saved, and the others as cached. */
function savedOnce(emit: Emit): Emit {
  const saved = new Set<LayerId>();
  return (event) => {
    const wasSaved = event.type === "step-finished" && event.outcome === "saved";
    if (wasSaved && saved.has(event.step.id)) return emit({ ...event, outcome: "cached" });
    if (wasSaved) saved.add(event.step.id);
    emit(event);
  };
}

/** Waits for all nested builds, including those that are begun meanwhile. */
async function settleAll(running: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (running.size > 0) await Promise.allSettled(running);
}
