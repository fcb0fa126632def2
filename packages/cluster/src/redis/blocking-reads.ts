import type { Redis } from "ioredis";
import { secondConnection } from "./connect.ts";

/** A connection for reads that wait, one at a time. It is made when the first one comes. */
export class BlockingReads implements AsyncDisposable {
  readonly #redis: Redis;
  #connection: Redis | undefined;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /**
   * Runs a read that waits. If one of the signals fires it is ended, with its connection.
   *
   * @returns null also if a signal fires.
   */
  async read<T>(
    work: (connection: Redis) => Promise<T>,
    signals: readonly (AbortSignal | undefined)[],
  ): Promise<T | null> {
    this.#connection ??= secondConnection(this.#redis);
    const connection = this.#connection;
    const given = signals.filter((each) => each !== undefined);
    const end = () => {
      connection.disconnect();
      if (this.#connection === connection) this.#connection = undefined;
    };
    for (const signal of given) signal.addEventListener("abort", end, { once: true });
    try {
      return await work(connection);
    } catch (error) {
      if (given.some((signal) => signal.aborted)) return null;
      throw error;
    } finally {
      for (const signal of given) signal.removeEventListener("abort", end);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection?.disconnect();
  }
}
