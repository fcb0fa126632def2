import type { Sample } from "./sample.ts";

/** What the memory may grow by beyond noise, in bytes: compiled code, and caches that have a limit. */
const memorySlack = 4 * 1024 ** 2;
const memoryGrowth = 1.1;

const exact = ["descriptors", "children", "listeners", "files"] as const;

/**
 * Compares what a process held before and after many rounds of work.
 *
 * @param samples in the order of time; the first tenth is the warm-up.
 * @returns what has grown, in words.
 */
export function whatGrew(samples: readonly Sample[]): readonly string[] {
  const warm = samples.slice(Math.ceil(samples.length / 10));
  const half = Math.floor(warm.length / 2);
  const [early, late] = [warm.slice(0, half), warm.slice(half)];
  if (early.length === 0) throw new Error("too few rounds to compare");
  const grown: string[] = [];
  const before = lowest(early, "memory");
  const after = lowest(late, "memory");
  if (after > before * memoryGrowth + memorySlack) {
    grown.push(`the memory grew from ${mebibytes(before)} to ${mebibytes(after)}`);
  }
  for (const kind of exact) {
    const [from, to] = [lowest(early, kind), lowest(late, kind)];
    if (to > from) grown.push(`the ${kind} grew from ${from} to ${to}`);
  }
  return grown;
}

/** The lowest figure is the one with the least noise: what is leaked is in every later one. */
export function lowest(samples: readonly Sample[], kind: keyof Sample): number {
  return Math.min(...samples.map((sample) => sample[kind]));
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}
