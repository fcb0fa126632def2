import type { Results } from "./results.ts";

/** The context of a scenario. */
export interface Bench {
  /** True for fewer repetitions, without the measurements that take minutes. */
  readonly quick: boolean;
  /** A directory for this run, on the file system of the store with the base image. It is removed at the end. */
  readonly directory: string;
  /** The store that contains the base image. */
  readonly imageStore: string;
  readonly results: Results;
  readonly say: (line: string) => void;
}

/** A group of measurements. */
export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly run: (bench: Bench) => Promise<void>;
}

/** Runs `work` several times. Measurements that are compared alternate within one `work`. */
export async function repeat(times: number, work: (turn: number) => Promise<void>): Promise<void> {
  for (let turn = 0; turn < times; turn++) await work(turn);
}

/** The duration of `work` in milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
