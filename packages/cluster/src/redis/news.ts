import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { timing } from "../timing.ts";
import { secondConnection } from "./connect.ts";

/** What listens to a channel. */
export type Listener = (message: string) => void;

/**
 * Messages of Redis, on one connection for all who listen. Messages are lost while the connection is down: whoever waits
 * for one looks by itself, too, every `timing.poll`, and when the connection is back.
 */
export class News implements AsyncDisposable {
  readonly #connection: Redis;
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #back = new Set<() => void>();

  constructor(redis: Redis) {
    this.#connection = secondConnection(redis);
    this.#connection.on("message", (channel: string, message: string) => {
      for (const listener of this.#listeners.get(channel) ?? []) listener(message);
    });
    this.#connection.on("ready", () => {
      for (const listener of this.#back) listener();
    });
  }

  /** Resolves when the listener gets messages. Disposing of it stops that. */
  async listen(channel: string, listener: Listener): Promise<Disposable> {
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners);
    listeners.add(listener);
    await this.#connection.subscribe(channel);
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  /** Calls the listener when messages can have been lost. */
  onBack(listener: () => void): Disposable {
    this.#back.add(listener);
    return { [Symbol.dispose]: () => void this.#back.delete(listener) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.disconnect();
  }
}

/** A bell that wakes one who waits: rings are not counted, and one that came before the waiting counts. */
export class Bell {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  /**
   * Resolves at the next ring, after the poll's time, or when the signal fires.
   *
   * @returns true if it rang.
   */
  async wait(signal: AbortSignal, milliseconds: number = timing.poll): Promise<boolean> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const time = sleep(milliseconds, undefined, { signal: either }).catch(() => undefined);
    const rang = await Promise.race([this.#rung.promise.then(() => true), time.then(() => false)]);
    over.abort();
    this.#rung = Promise.withResolvers<void>();
    return rang;
  }
}
