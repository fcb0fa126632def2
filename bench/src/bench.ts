import type { Results } from "./results.ts";

/** What a scenario works with. */
export interface Bench {
  /** Fewer repeats, and none of what takes minutes. */
  readonly quick: boolean;
  /** A directory for this run, on the file system of the store with the base image; removed at the end. */
  readonly directory: string;
  /** The store that has the base image. */
  readonly imageStore: string;
  readonly results: Results;
  readonly say: (line: string) => void;
}

/** One thing that is measured. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** Does something so many times; turns of several things that are compared stand in one `work`. */
export async function repeat(times: number, work: (turn: number) => Promise<void>): Promise<void> {
  for (let turn = 0; turn < times; turn++) await work(turn);
}

/** How long `work` takes, in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
