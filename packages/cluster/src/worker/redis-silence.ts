import { ObError } from "@ob/core";
import type { Redis } from "ioredis";

/** How often Redis is asked, in milliseconds. */
const interval = 250;

/** Tells when Redis has not answered for some time, until it is disposed of. */
export class RedisSilence implements Disposable {
  readonly #redis: Redis;
  readonly #reached = Promise.withResolvers<void>();
  readonly #timer: NodeJS.Timeout;
  #isAsking = false;
  #hasAnswered = true;
  /** How many turns in a row were without an answer. */
  #silent = 0;

  /** @param milliseconds counted in turns of a timer: while this process is stopped, no answer is missed. */
  constructor(redis: Redis, milliseconds: number) {
    this.#redis = redis;
    const longest = Math.max(1, Math.ceil(milliseconds / interval));
    this.#timer = setInterval(() => {
      this.#silent = this.#hasAnswered ? 0 : this.#silent + 1;
      if (this.#silent >= longest) this.#reached.resolve();
      this.#hasAnswered = false;
      void this.#ask();
    }, interval);
  }

  /** Resolves when that time is over. */
  get reached(): Promise<void> {
    return this.#reached.promise;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #ask(): Promise<void> {
    // While the connection is down, a question waits for it: one is enough.
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      await this.#redis.ping();
      this.#hasAnswered = true;
    } catch (error) {
      // A server that refuses, since it still reads its files, answers.
      this.#hasAnswered = error instanceof Error && error.name === "ReplyError";
    } finally {
      this.#isAsking = false;
    }
  }
}

/** The error of a worker that has ended without Redis. @param milliseconds how long Redis was silent. */
export function redisIsAway(milliseconds: number): ObError {
  const time = `${milliseconds / 1_000} s`;
  return new ObError("STORE", `Redis has not answered for ${time}: the steps that ran here were ended.`, {
    hint: "Other workers begin them again: claims run out by themselves.",
  });
}
