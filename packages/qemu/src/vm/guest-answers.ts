import type { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";

export interface GuestAnswersOptions {
  /** What the client of the guest's service says first. */
  readonly greeting: string;
  readonly signal: AbortSignal;
}

/**
 * A guest that shuts down may close one connection a moment before it closes all: it must answer twice. The second question follows
 * after `between` milliseconds, or this many times as long as the first answer took, since a busy host is slow. An attempt has `each`
 * milliseconds.
 */
const times = { between: 2_000, slower: 10, each: 10_000, retry: 500 } as const;

/** Resolves with true when the service of a guest has answered twice, and with false if the signal fires before. Never rejects. */
export async function guestAnswers(
  connect: () => Duplex,
  { greeting, signal }: GuestAnswersOptions,
): Promise<boolean> {
  const pause = async (ms: number): Promise<void> =>
    await wait(ms, undefined, { signal, ref: false }).catch(() => undefined);
  while (!signal.aborted) {
    const start = performance.now();
    if (await answersOnce(connect, { greeting, signal })) {
      await pause(Math.max(times.between, times.slower * (performance.now() - start)));
      if (await answersOnce(connect, { greeting, signal })) return true;
    }
    await pause(times.retry);
  }
  return false;
}

async function answersOnce(
  connect: () => Duplex,
  { greeting, signal }: GuestAnswersOptions,
): Promise<boolean> {
  if (signal.aborted) return false;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect();
  const giveUp = (): void => resolve(false);
  const timer = setTimeout(giveUp, times.each).unref();
  signal.addEventListener("abort", giveUp, { once: true });
  socket.on("error", giveUp).once("close", giveUp);
  socket.once("data", () => resolve(true));
  socket.write(greeting);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
    socket.destroy();
  }
}
