import { isObError, type LayerId, type Store, TailText } from "@ob/core";
import { createOutputCleaner } from "../output/clean-output.ts";

/** How much of the end of a step's log a page has, in characters. */
const largestLog = 262_144;
/** How much of logs a page has, in characters. */
const largestLogs = 8_388_608;
/** How long the log of a step is followed that runs again now, in milliseconds. */
const followTime = 2_000;

/** The log of a step, as text. */
export interface StepLog {
  readonly text: string;
  /** True if only its end is here. */
  readonly isCut: boolean;
}

/** Reads the logs of the steps of one page: each as what a terminal would finally have shown, without control sequences. */
export class LogReader {
  readonly #store: Store;
  readonly #signal: AbortSignal;
  #left = largestLogs;

  constructor(store: Store, signal: AbortSignal) {
    this.#store = store;
    this.#signal = signal;
  }

  /** Undefined if there is no log, or the page has too much of others. @throws ObError `STORE`, `CANCELLED`. */
  async read(id: LayerId): Promise<StepLog | undefined> {
    if (this.#left === 0) return undefined;
    const tail = new TailText(Math.min(largestLog, this.#left));
    const cleaner = createOutputCleaner({ styles: false });
    let length = 0;
    const add = (lines: readonly string[]): void => {
      for (const line of lines) {
        length += line.length + 1;
        tail.add(`${line}\n`);
      }
    };
    try {
      const isDone = await this.#store.find(id);
      const signal = isDone ? this.#signal : AbortSignal.any([this.#signal, AbortSignal.timeout(followTime)]);
      for await (const bytes of this.#store.readLog(id, signal)) add(cleaner.push(bytes));
    } catch (error) {
      if (isObError(error, "NO_SUCH_LAYER")) return undefined;
      // Another build runs the step now: this is what it has printed so far.
      if (this.#signal.aborted || !isObError(error, "CANCELLED")) throw error;
    }
    add(cleaner.end());
    const { text } = tail;
    this.#left -= text.length;
    return text === "" ? undefined : { text, isCut: length > text.length };
  }
}
