import {
  type BuildRecord,
  diskUsage,
  type Emit,
  errorMessage,
  firstError,
  type LayerId,
  monotonicMs,
  type Store,
  wallClock,
} from "@ob/core";
import { endingOf } from "../output/ending.ts";
import { codeOf } from "../output/render-error.ts";
import type { ProcessIo } from "../process-io.ts";
import { type LastTime, lastTimes } from "./last-times.ts";
import { StepTimes } from "./step-times.ts";

export interface BuildRecorderOptions {
  /** See `BuildRecord.spec`. */
  readonly spec: string;
  /** See `BuildRecord.context`. */
  readonly context: string;
  readonly io: Pick<ProcessIo, "interruptedBy">;
  /** What could not be recorded is a warning: the build is not worse off than without. */
  readonly emit: Emit;
}

/** Records one build, and puts it into the store when the build has ended. */
export class BuildRecorder {
  readonly #options: BuildRecorderOptions;
  readonly #begun = monotonicMs();
  readonly #times = new StepTimes(monotonicMs);
  #store: Store | undefined;
  #lastTimes: LastTime | undefined;

  constructor(options: BuildRecorderOptions) {
    this.#options = options;
  }

  /** The store itself, once it is open. */
  get store(): Store | undefined {
    return this.#store;
  }

  /** To be called with each event of the build when it happens. */
  readonly onEvent: Emit = (event) => this.#times.apply(event);

  /** What a step took in an earlier build; undefined as long as the store is not open, too. */
  readonly lastTime: LastTime = (step) => {
    this.#lastTimes ??= this.#store && lastTimes(this.#recordsOf(this.#store), this.#options.context);
    return this.#lastTimes?.(step);
  };

  /** Keeps the store that the build is recorded in. */
  readonly keep = (store: Store): Store => {
    this.#store = store;
    return store;
  };

  /**
   * Runs the build, which must end while the store is open, and records how it ended.
   *
   * @param onRecord called with the record, also of a build that has failed.
   */
  async during(
    work: () => Promise<LayerId>,
    onRecord: (record: BuildRecord) => Promise<void> = async () => undefined,
  ): Promise<LayerId> {
    let layer: LayerId;
    try {
      layer = await work();
    } catch (thrown) {
      const code = codeOf(endingOf(firstError(thrown), this.#options.io.interruptedBy()).error) ?? "INTERNAL";
      const outcome = code === "CANCELLED" ? "cancelled" : "failed";
      // What is wrong with the record or its report does not hide why the build failed.
      await this.#end({ outcome, errorCode: code }, onRecord).catch((error: unknown) => this.#warn(error));
      throw thrown;
    }
    await this.#end({ outcome: "succeeded", layer }, onRecord);
    return layer;
  }

  async #end(
    result: Pick<BuildRecord, "outcome" | "layer" | "errorCode">,
    onRecord: (record: BuildRecord) => Promise<void>,
  ): Promise<void> {
    const { spec, context } = this.#options;
    const at = wallClock();
    const [started, finished] = [at(this.#begun), at(monotonicMs())];
    const steps = await Promise.all(
      this.#times.end().map(async (step) => {
        const bytes = await this.#bytesOf(step.id);
        return bytes === undefined ? step : { ...step, bytes };
      }),
    );
    const record = { id: newId(), spec, context, started, finished, ...result, steps };
    try {
      this.#store?.builds.add(record);
    } catch (error) {
      this.#warn(error);
    }
    await onRecord(record);
  }

  /** None if they cannot be read: then the time that is left is not shown. */
  #recordsOf(store: Store): readonly BuildRecord[] {
    try {
      return store.builds.list();
    } catch {
      return [];
    }
  }

  /** Undefined if the layer is not in the store itself, or its files cannot be read. */
  async #bytesOf(id: LayerId): Promise<number | undefined> {
    try {
      const layer = await this.#store?.find(id);
      return layer && (await diskUsage(layer.directory));
    } catch {
      return undefined;
    }
  }

  #warn(error: unknown): void {
    this.#options.emit({ type: "log", level: "warning", text: errorMessage(error) });
  }
}

/** A name, and no secret: node:crypto is not loaded for it. */
function newId(): string {
  return Math.floor(Math.random() * 2 ** 48)
    .toString(16)
    .padStart(12, "0");
}
