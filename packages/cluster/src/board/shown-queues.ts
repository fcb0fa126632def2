import type { BaseAdapter } from "@bull-board/api/baseAdapter";
import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { buildQueue, chainQueue, queuePrefix } from "../redis/keys.ts";

/** The queues of some pools, and that of builds, for bull-board, which is loaded only here. */
export async function shownQueues(redis: Redis, pools: readonly string[]): Promise<readonly BaseAdapter[]> {
  const { ShownQueue } = await import("./shown-queue.ts");
  return [buildQueue, ...pools.map(chainQueue)].map((name) => {
    // It shares the worker's connection, and has nothing to close.
    const queue = new Queue(name, { connection: redis, prefix: queuePrefix, skipMetasUpdate: true });
    queue.on("error", () => undefined);
    return new ShownQueue(queue);
  });
}
