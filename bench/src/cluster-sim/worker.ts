import { LayerCache } from "./layer-cache.ts";
import type { Parameters } from "./parameters.ts";
import { Server } from "./timeline.ts";

/** A machine that builds. */
export class Worker {
  readonly pool: number;
  readonly network = new Server();
  readonly store: LayerCache;
  /** The bases that it has booted: they resume from a snapshot. */
  readonly bases = new Set<number>();
  /** What its slots do now. */
  readonly running = new Set<Running>();
  isUp = true;
  /** Counts its deaths: what was begun in an earlier life is lost. */
  life = 0;

  constructor(pool: number, { workers }: Parameters) {
    this.pool = pool;
    this.store = new LayerCache(workers.storeBytes);
  }
}

/** What a slot does. */
export interface Running {
  /** What happens when its worker has died, once others notice. */
  readonly onLost: () => void;
}

/** Workers for each pool, in proportion to its work, and at least one. */
export function shareOut(count: number, work: readonly number[]): readonly number[] {
  const total = work.reduce((sum, each) => sum + each, 0);
  const counts = work.map((each) => Math.max(1, Math.floor((count * each) / total)));
  const busiest = work.indexOf(Math.max(...work));
  const rest = count - counts.reduce((sum, each) => sum + each, 0);
  return counts.map((each, index) => (index === busiest ? Math.max(1, each + rest) : each));
}
