import { setTimeout as sleep } from "node:timers/promises";
import {
  abortReason,
  cancelledError,
  type Emit,
  firstError,
  isObError,
  type LayerWriter,
  type LayerId,
  orCancelled,
  noopEmit,
  type OnOutput,
  type Store,
  throwIfCancelled,
} from "@ob/core";
import { clipOutput } from "../limits/log-limit.ts";
import { BuildLog } from "./step-log.ts";

/** Where a layer came from: it was built now, or was in the store. */
export type Outcome = "saved" | "cached";

/** The exclusive right to build a layer, with all that this needs. */
export interface LayerJob {
  readonly writer: LayerWriter;
  /** Fires when no caller wants the layer any more. */
  readonly signal: AbortSignal;
  /** Writes to the layer's log. */
  readonly onOutput: OnOutput;
}

/** A layer, and how it is built. */
export interface LayerBuild {
  readonly id: LayerId;
  readonly emit?: Emit | undefined;
  /** Builds the layer and commits it. Called only if the store does not have it and nothing else is building it. */
  build(job: LayerJob): Promise<void>;
}

export interface Caller {
  readonly signal?: AbortSignal | undefined;
  /** Gets the layer's log from its start. */
  readonly onOutput: OnOutput;
}

/** One run that builds (or finds) a layer, for all callers that want it now. */
interface SharedStep {
  readonly controller: AbortController;
  readonly log: BuildLog;
  readonly result: Promise<Outcome>;
  callers: number;
}

/** What one run has. */
interface RunOptions {
  readonly log: BuildLog;
  readonly signal: AbortSignal;
}

/** How long to wait before looking again at a layer that another process has just begun, in milliseconds. */
const retryDelay = 50;

/**
 * Builds each layer once, however many callers want it. In this process they share one run, and the last to leave
 * cancels it; the log of another process that builds the layer is followed.
 */
export class StepDeduplicator implements AsyncDisposable {
  readonly #store: Store;
  readonly #logLimit: number;
  readonly #steps = new Map<LayerId, SharedStep>();
  #closed = false;

  /** @param logLimit see `BuilderOptions.logLimit`; by default there is none. */
  constructor(store: Store, { logLimit = 0 }: { readonly logLimit?: number } = {}) {
    this.#store = store;
    this.#logLimit = logLimit;
  }

  /**
   * Resolves when the layer is in the store. If the caller's signal fires it rejects with `CANCELLED`: at once if
   * others still want the layer, else when all that the run held has been released.
   */
  async getOrBuild(layer: LayerBuild, caller: Caller): Promise<Outcome> {
    const { signal } = caller;
    for (;;) {
      throwIfCancelled(signal);
      const running = this.#steps.get(layer.id);
      if (!running) return await this.#join(this.#start(layer), caller);
      if (!running.controller.signal.aborted) {
        try {
          return await this.#join(running, caller);
        } catch (error) {
          // The limit of the build that ran the step is not that of this one, which runs it itself.
          if (!isObError(error, "TIMEOUT")) throw error;
          continue;
        }
      }
      // Its last caller has left: once it has released what it holds, the layer can be built again.
      await orCancelled(settled(running.result), signal);
    }
  }

  /** Cancels everything that runs, and waits until all is released. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const steps = [...this.#steps.values()];
    for (const { controller } of steps) controller.abort(cancelledError());
    await Promise.all(steps.map(({ result }) => settled(result)));
  }

  #start(layer: LayerBuild): SharedStep {
    if (this.#closed) throw cancelledError();
    const { id } = layer;
    const controller = new AbortController();
    const log = new BuildLog((signal) => this.#store.readLog(id, signal));
    const result = this.#run(layer, { log, signal: controller.signal }).finally(() => {
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
        step.controller.abort(signal?.aborted ? abortReason(signal) : cancelledError());
        await settled(step.result);
      }
    }
  }

  async #run(layer: LayerBuild, { log, signal }: RunOptions): Promise<Outcome> {
    const { id, emit = noopEmit } = layer;
    const store = this.#store;
    let followed = false;
    for (;;) {
      throwIfCancelled(signal);
      if (await store.find(id)) {
        if (!followed && !(await this.#replay(id, { log, signal })) && !(await store.find(id))) continue;
        store.recordUse(id);
        return "cached";
      }
      throwIfCancelled(signal);
      const writer = await store.tryBegin(id);
      if (!writer) {
        if (!followed)
          emit({ type: "log", level: "info", text: `Another process builds ${id}; following its log.` });
        followed = await this.#follow(id, { log, signal });
        continue;
      }
      const built = await withWriter(writer, async () => {
        // It can have appeared between the lookup and `tryBegin`.
        if (await store.find(id)) return false;
        log.restart();
        await this.#build(layer, writer, { log, signal });
        return true;
      });
      if (built) return "saved";
    }
  }

  /** A log that cannot be written ends the build: nothing would show what the layer is. */
  async #build(layer: LayerBuild, writer: LayerWriter, { log, signal }: RunOptions): Promise<void> {
    const broken = new AbortController();
    const onOutput: OnOutput = (bytes) => {
      // It is called from a stream's handler, where an error would not be caught.
      if (broken.signal.aborted) return undefined;
      try {
        writer.appendLog(bytes);
        return log.write(bytes);
      } catch (error) {
        broken.abort(error);
        return undefined;
      }
    };
    const clipped = clipOutput(onOutput, this.#logLimit);
    try {
      await layer.build({ writer, onOutput: clipped, signal: AbortSignal.any([signal, broken.signal]) });
    } catch (thrown) {
      const error = firstError(thrown);
      const cause = isObError(signal.reason, "TIMEOUT") ? signal.reason : error;
      const failure = broken.signal.aborted ? broken.signal.reason : error;
      // Nothing that the guest has printed tells why its output ends.
      if (isObError(cause, "TIMEOUT", "NO_SPACE")) void onOutput(Buffer.from(`\n[${cause.message}]\n`));
      // Where saving the layer failed, its log has ended: that is not the reason.
      throw failure;
    }
  }

  /** Hands on the log of a layer. False if there is none: it can have been deleted meanwhile. */
  async #replay(id: LayerId, { log, signal }: RunOptions): Promise<boolean> {
    log.restart();
    try {
      for await (const bytes of this.#store.readLog(id, signal)) await log.write(bytes);
      return true;
    } catch (error) {
      if (!isObError(error, "NO_SUCH_LAYER")) throw error;
      return false;
    }
  }

  /** Hands on the log of a layer that another process builds, until it ends. False if there was none to follow. */
  async #follow(id: LayerId, { log, signal }: RunOptions): Promise<boolean> {
    try {
      return await this.#replay(id, { log, signal });
    } finally {
      // The log can end, or not exist yet, while the layer is still being built.
      if (!signal.aborted) await sleep(retryDelay, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** Runs `use` and disposes of the writer. The error of `use` counts, even if disposing fails too. */
async function withWriter<T>(writer: LayerWriter, use: () => Promise<T>): Promise<T> {
  try {
    await using _ = writer;
    return await use();
  } catch (error) {
    throw firstError(error);
  }
}

/** Resolves when `promise` has settled. */
async function settled(promise: Promise<unknown>): Promise<void> {
  await promise.then(
    () => undefined,
    () => undefined,
  );
}
