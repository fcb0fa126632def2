import type { LayerId } from "@ob/core";
import { type Job, Queue } from "bullmq";
import type { Redis } from "ioredis";
import { chainQueue, queuePrefix } from "../redis/keys.ts";
import type { ChainJob } from "./build-record.ts";
import { fairStart, queuePriority, resetClock } from "./fair-share.ts";

export interface ChainWish {
  readonly job: Omit<ChainJob, "v" | "start">;
  readonly client: string;
  readonly priority: number;
}

/** The queues of chains, of all pools. A chain that waits already is not added again. */
export class ChainQueues implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #queues = new Map<string, Queue>();

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Adds a chain. If another build has asked for it, and would get it later, it is moved forward.
   *
   * @param start its fair start, if it was asked for before.
   * @returns its fair start.
   */
  async add({ job, client, priority }: ChainWish, start?: number): Promise<number> {
    const { pool, chain } = job;
    const [first] = chain;
    if (first === undefined) throw new RangeError("a chain has layers");
    const queue = this.#queue(pool);
    if (start === undefined && (await isIdle(queue))) await resetClock(this.#redis, pool);
    const fair = start ?? (await fairStart(this.#redis, pool, { client, layers: chain.length, priority }));
    const wanted = queuePriority(fair);
    const data: ChainJob = { v: 1, ...job, start: fair };
    await queue.add("chain", data, {
      // A job that is kept would block its id; a new wish while one runs must not be lost.
      deduplication: { id: first, keepLastIfActive: true },
      removeOnComplete: true,
      removeOnFail: true,
      priority: wanted,
    });
    await moveForward(queue, first, wanted);
    return fair;
  }

  /** How many chains wait for a worker of the pool. */
  async waiting(pool: string): Promise<number> {
    return await this.#queue(pool).getJobCountByTypes("waiting", "prioritized");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#queues.values()].map(async (queue) => await queue.close()));
  }

  #queue(pool: string): Queue {
    let queue = this.#queues.get(pool);
    if (!queue) {
      queue = new Queue(chainQueue(pool), { connection: this.#redis, prefix: queuePrefix });
      queue.on("error", () => undefined);
      this.#queues.set(pool, queue);
    }
    return queue;
  }
}

async function isIdle(queue: Queue): Promise<boolean> {
  const counts = await queue.getJobCounts("waiting", "prioritized", "active");
  return Object.values(counts).every((count) => count === 0);
}

/** Adding a job again does not raise its priority. */
async function moveForward(queue: Queue, first: LayerId, wanted: number): Promise<void> {
  const waiting = await queue.getDeduplicationJobId(first);
  const job: Job | undefined = waiting === null ? undefined : await queue.getJob(waiting);
  if (!job || job.priority <= wanted) return;
  // It can have begun, or ended, meanwhile: then there is nothing to move.
  await job.changePriority({ priority: wanted }).catch(() => undefined);
}
