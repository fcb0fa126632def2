import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** A line of a worker's JSON log. */
export interface WorkerEvent {
  /** When it was written, in milliseconds since the epoch. */
  readonly at: number;
  readonly event: string;
  readonly worker: string;
  readonly build?: string;
  /** The id of a layer. */
  readonly step?: string;
  readonly op?: string;
  readonly outcome?: string;
  /** How the VM of a step was started. */
  readonly start?: string;
  /** The phase of a step that begins. */
  readonly phase?: string;
  readonly milliseconds?: number;
  readonly text?: string;
}

/** What the workers have written to their logs, of all of them in the order in which it came. */
export class WorkerLog {
  readonly events: WorkerEvent[] = [];
  readonly #listeners = new Set<() => void>();

  /** Reads the log of a worker. Other lines than JSON go to `other`. */
  read({ stdout }: ChildProcess, other: (line: string) => void): void {
    if (!stdout) return;
    createInterface({ input: stdout }).on("line", (line) => {
      if (!line.startsWith("{")) return other(line);
      const event = JSON.parse(line) as Omit<WorkerEvent, "at"> & { readonly time: string };
      this.events.push({ ...event, at: Date.parse(event.time) });
      for (const listener of this.#listeners) listener();
    });
  }

  /** The first event from `start` on that `wanted` accepts, or the first one that comes. */
  async next(
    wanted: (event: WorkerEvent) => boolean,
    { start = 0, signal }: { readonly start?: number; readonly signal: AbortSignal },
  ): Promise<WorkerEvent> {
    const { promise, resolve, reject } = Promise.withResolvers<WorkerEvent>();
    const look = () => {
      const found = this.events.slice(start).find(wanted);
      if (found) resolve(found);
    };
    const stop = () =>
      reject(new Error("what was waited for in the log did not come", { cause: signal.reason }));
    this.#listeners.add(look);
    signal.addEventListener("abort", stop);
    look();
    if (signal.aborted) stop();
    try {
      return await promise;
    } finally {
      this.#listeners.delete(look);
      signal.removeEventListener("abort", stop);
    }
  }
}
