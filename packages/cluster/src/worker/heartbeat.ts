import type { Redis } from "ioredis";
import * as v from "valibot";
import { keys } from "../redis/keys.ts";
import { nameSchema } from "../redis/messages.ts";
import { tryParseJson } from "../redis/parse-json.ts";
import { timing } from "../timing.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/** Of how many pools a worker may say that it builds for: each costs who looks at the cluster a queue. */
const mostPools = 1_000;

/** What a worker says of itself. */
export const workerStatusSchema = v.strictObject({
  v: v.literal(1),
  name: nameSchema,
  pools: v.pipe(v.array(nameSchema), v.maxLength(mostPools)),
  slots: count,
  /** How many chains it builds now. */
  running: count,
  /** True if it takes no more work. */
  draining: v.boolean(),
  /** The name of its host. */
  host: v.pipe(v.string(), v.maxLength(1_000)),
});
export type WorkerStatus = v.InferOutput<typeof workerStatusSchema>;

/** Says again and again that a worker is alive, until it is disposed of. */
export class Heartbeat implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #status: () => WorkerStatus;
  readonly #timer: NodeJS.Timeout;

  constructor(redis: Redis, status: () => WorkerStatus) {
    this.#redis = redis;
    this.#status = status;
    this.#timer = setInterval(() => void this.beat().catch(() => undefined), timing.heartbeat);
  }

  async beat(): Promise<void> {
    const status = this.#status();
    const { name } = status;
    await this.#redis
      .pipeline()
      .set(keys.worker(name), JSON.stringify(status), "PX", timing.heartbeatLife)
      .sadd(keys.workers, name)
      .exec();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    const { name } = this.#status();
    const gone = this.#redis.pipeline().del(keys.worker(name)).srem(keys.workers, name).exec();
    // Without Redis it is forgotten when its time is over.
    await gone.catch(() => undefined);
  }
}

/** The workers that are alive, by their names. */
export async function aliveWorkers(redis: Redis): Promise<readonly WorkerStatus[]> {
  const names = (await redis.smembers(keys.workers)).toSorted();
  if (names.length === 0) return [];
  const texts = await redis.mget(names.map((name) => keys.worker(name)));
  return texts.flatMap((text) => tryParseJson(workerStatusSchema, text) ?? []);
}

/** Takes workers that have died off the list. For workers: others only look. */
export async function forgetDeadWorkers(redis: Redis): Promise<void> {
  const names = await redis.smembers(keys.workers);
  if (names.length === 0) return;
  const texts = await redis.mget(names.map((name) => keys.worker(name)));
  const gone = names.filter((_, index) => texts[index] === null);
  if (gone.length > 0) await redis.srem(keys.workers, ...gone);
}
