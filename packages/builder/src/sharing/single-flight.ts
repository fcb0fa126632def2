import { setTimeout as sleep } from "node:timers/promises";
import {
  cancelled,
  type Emit,
  isObError,
  type LayerClaim,
  type LayerId,
  orCancelled,
  silent,
  type Store,
  throwIfCancelled,
} from "@ob/core";
import { BuildLog, type OnOutput } from "./step-log.ts";

/** How a layer came to be there. */
export type Outcome = "saved" | "cached";

/** The exclusive right to make a layer, with all that the making needs. */
export interface LayerJob {
  readonly writer: LayerClaim;
  /** Fires when nobody wants the layer any more. */
  readonly signal: AbortSignal;
  /** Writes to the layer's log. */
  readonly onOutput: OnOutput;
}

export interface LayerRequest {
  readonly id: LayerId;
  /** Makes the layer and commits its claim. Called only if the store has none and nobody else is making it. */
  readonly build: (making: LayerJob) => Promise<void>;
  readonly emit?: Emit | undefined;
}

export interface Caller {
  readonly signal?: AbortSignal | undefined;
  /** Gets the layer's log from its start. */
  readonly onOutput: OnOutput;
}

/** One making (or finding) of a layer, for all who want it now. */
interface SharedStep {
  readonly controller: AbortController;
  readonly log: BuildLog;
  readonly result: Promise<Outcome>;
  callers: number;
}

/** How long to wait before looking again at a layer that someone else has just claimed, in milliseconds. */
const retryDelay = 50;

/**
 * Sees to it that a layer is made once, however many want it. In this process callers share one making, and the last
 * to leave cancels it; another process' making is followed by its log.
 */
export class StepDeduplicator implements AsyncDisposable {
  readonly #store: Store;
  readonly #steps = new Map<LayerId, SharedStep>();
  #closed = false;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Resolves when the layer is in the store. If the caller's signal fires it rejects with `CANCELLED`: at once if
   * others still want the layer, else when all that the making held has been given back.
   */
  async getOrBuild(request: LayerRequest, caller: Caller): Promise<Outcome> {
    const { signal } = caller;
    for (;;) {
      throwIfCancelled(signal);
      const running = this.#steps.get(request.id);
      if (!running?.controller.signal.aborted)
        return await this.#join(running ?? this.#start(request), caller);
      // Its last caller has left: it gives back what it holds, then the layer can be made anew.
      await orCancelled(settled(running.result), signal);
    }
  }

  /** Cancels everything that runs, and waits until nothing is held any more. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const steps = [...this.#steps.values()];
    for (const { controller } of steps) controller.abort(cancelled());
    await Promise.all(steps.map(({ result }) => settled(result)));
  }

  #start(request: LayerRequest): SharedStep {
    if (this.#closed) throw cancelled();
    const { id } = request;
    const controller = new AbortController();
    const log = new BuildLog((signal) => this.#store.readLog(id, signal));
    const result = this.#obtain(request, { log, signal: controller.signal }).finally(() => {
      this.#steps.delete(id);
    });
    // The callers await it; the last of them may have left.
    result.catch(() => undefined);
    const step = { controller, log, result, callers: 0 };
    this.#steps.set(id, step);
    return step;
  }

  async #join(step: SharedStep, { signal, onOutput }: Caller): Promise<Outcome> {
    step.callers++;
    const follower = step.log.follow(onOutput);
    try {
      const outcome = await orCancelled(step.result, signal);
      await orCancelled(follower.caughtUp, signal);
      return outcome;
    } catch (error) {
      if (!signal?.aborted) await settled(follower.caughtUp);
      throw error;
    } finally {
      follower.stop();
      step.callers--;
      if (step.callers === 0) {
        // Without effect on a step that has ended.
        step.controller.abort(cancelled(signal));
        await settled(step.result);
      }
    }
  }

  async #obtain(
    request: LayerRequest,
    { log, signal }: { readonly log: BuildLog; readonly signal: AbortSignal },
  ): Promise<Outcome> {
    const { id, emit = silent } = request;
    const store = this.#store;
    let followed = false;
    for (;;) {
      throwIfCancelled(signal);
      if (await store.find(id)) {
        if (!followed) await this.#replay(id, { log, signal });
        store.recordUse(id);
        return "cached";
      }
      throwIfCancelled(signal);
      const claim = await store.tryBegin(id);
      if (!claim) {
        if (!followed)
          emit({ type: "log", level: "info", text: `Another build makes ${id}; following its log.` });
        followed = await this.#follow(id, { log, signal });
        continue;
      }
      const made = await holding(claim, async () => {
        // It can have appeared between the look and the claim.
        if (await store.find(id)) return false;
        log.restart();
        await this.#make(request, { claim, log, signal });
        return true;
      });
      if (made) return "saved";
    }
  }

  /** Makes the layer. A log that cannot be written ends the making: nobody would know what the layer is. */
  async #make(
    { build: make }: LayerRequest,
    {
      claim,
      log,
      signal,
    }: { readonly claim: LayerClaim; readonly log: BuildLog; readonly signal: AbortSignal },
  ): Promise<void> {
    const broken = new AbortController();
    const onOutput: OnOutput = (bytes) => {
      // It is called from a stream's handler, where nobody would catch an error.
      if (broken.signal.aborted) return;
      try {
        claim.appendLog(bytes);
        log.write(bytes);
      } catch (error) {
        broken.abort(error);
      }
    };
    try {
      await make({ writer: claim, onOutput, signal: AbortSignal.any([signal, broken.signal]) });
    } catch (error) {
      throw broken.signal.aborted ? broken.signal.reason : error;
    }
  }

  /** Hands on the log of a finished layer. */
  async #replay(
    id: LayerId,
    { log, signal }: { readonly log: BuildLog; readonly signal: AbortSignal },
  ): Promise<void> {
    log.restart();
    for await (const bytes of this.#store.readLog(id, signal)) log.write(bytes);
  }

  /** Hands on the log of a layer that another process makes, until it stops. False if there was none to follow. */
  async #follow(
    id: LayerId,
    { log, signal }: { readonly log: BuildLog; readonly signal: AbortSignal },
  ): Promise<boolean> {
    try {
      await this.#replay(id, { log, signal });
      return true;
    } catch (error) {
      if (!isObError(error, "NO_SUCH_LAYER")) throw error;
      return false;
    } finally {
      // The log can end, or not yet be there, while the claim still stands.
      if (!signal.aborted) await sleep(retryDelay, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Runs `use` and gives the claim up. What `use` throws counts, also where giving up fails too. */
async function holding<T>(claim: LayerClaim, use: () => Promise<T>): Promise<T> {
  try {
    await using held = claim;
    void held;
    return await use();
  } catch (error) {
    throw error instanceof SuppressedError ? error.suppressed : error;
  }
}

/** Resolves when `promise` has come to an end, whichever. */
async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.then(
    () => undefined,
    () => undefined,
  );
}
