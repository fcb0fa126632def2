import type { CacheMount, RunTask } from "@ob/core";

/** A cache of a step in its guest. */
export interface OrderedCache extends CacheMount {
  /** The position of its disk among those of the step's caches, from 0. */
  readonly index: number;
}

/** A task whose caches are in the order in which they are mounted: parents before what is below them. */
export interface MountTask extends RunTask {
  readonly caches: readonly OrderedCache[];
}
