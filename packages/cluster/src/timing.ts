/*
 * The times of a cluster, in milliseconds. A worker that dies is replaced after `lock` and at most one `stalled` more; a
 * claim never outlives the lock of its job by much, so that the next worker need not wait for it.
 */

export const timing = {
  /** How long a claim on a layer lives without being renewed. */
  claim: 5_000,
  /** How often claims are renewed: three tries fit into the life of a claim. */
  renew: 1_500,
  /** How long the lock of a BullMQ job lives without being renewed. */
  lock: 5_000,
  /** How often a worker looks for jobs whose worker has died. */
  stalled: 2_000,
  /** How often whoever waits for a message looks by itself, too: messages are lost while Redis is away. */
  poll: 10_000,
  /** How often a worker says that it is alive, and for how long that holds. */
  heartbeat: 2_000,
  heartbeatLife: 10_000,
  /** How long Redis may be silent while a worker is drained: longer than a restart of it takes. */
  drainPatience: 15_000,
  /** How long output waits for more of it. */
  logBatch: 50,
  /** How long logs, wishes and records of running builds live if everybody who would remove them has died. */
  running: 24 * 3_600_000,
  /** How long the events and logs of a build that has ended can still be read. */
  ended: 3_600_000,
  /** How long Redis remembers that a layer is published; after that the registry is asked. */
  published: 7 * 24 * 3_600_000,
} as const;

/** How many workers a step may kill before it is not tried again. */
export const fatalAttempts = 2;
