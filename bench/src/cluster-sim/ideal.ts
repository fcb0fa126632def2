import type { Parameters } from "./parameters.ts";
import type { Workload } from "./workload.ts";

export interface Ideal {
  /** When each build would be done, in seconds. */
  readonly ends: readonly number[];
  /** What each pool has to do at least, in seconds of a slot. */
  readonly work: readonly number[];
}

/**
 * What no scheduler can beat: unlimited workers, no transfers, no failures, the fastest virtual machine there is, and a layer
 * that any build has made is there for all at once.
 */
export function idealOf({ layers, builds, pools }: Workload, { vm }: Pick<Parameters, "vm">): Ideal {
  const made = new Float64Array(layers.length).fill(Infinity);
  const ends: number[] = [];
  // A later build can make a layer earlier, if its stages are shorter: repeated until nothing changes.
  for (let isChanged = true; isChanged;) {
    isChanged = false;
    for (const [index, { arrival, stages }] of builds.entries()) {
      const stageEnds: number[] = [];
      for (const stage of stages) {
        let time = Math.max(arrival, ...stage.copiesFrom.map((from) => stageEnds[from] ?? 0));
        for (const { id, seconds, parent } of stage.layers) {
          const end = time + seconds + (parent ? vm.reuse : vm.resume);
          const before = made[id] ?? Infinity;
          if (end < before) {
            made[id] = end;
            isChanged = true;
          }
          time = Math.max(time, Math.min(end, before));
        }
        stageEnds.push(time);
      }
      ends[index] = Math.max(...stageEnds);
    }
  }
  return { ends, work: workOf({ layers, builds, pools }, vm) };
}

function workOf({ layers, builds, pools }: Workload, vm: Parameters["vm"]): readonly number[] {
  const work = Array.from({ length: pools }, () => 0);
  const isCounted = new Uint8Array(layers.length);
  for (const { stages } of builds) {
    for (const stage of stages) {
      for (const { id, seconds, parent } of stage.layers) {
        if (isCounted[id]) continue;
        isCounted[id] = 1;
        work[stage.pool] = (work[stage.pool] ?? 0) + seconds + (parent ? vm.reuse : vm.resume);
      }
    }
  }
  return work;
}
