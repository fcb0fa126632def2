// Imports nothing of the package: e2e/support/watch-event-loop.mjs loads this file into the command.
import { closeSync, openSync, readSync } from "node:fs";

/** A clock that stands still while the host lets a thread wait for a processor. Disposing closes its file. */
export interface ThreadClock extends Disposable {
  /** Milliseconds since some moment. */
  now(): number;
}

/**
 * The clock of the calling thread: what it shows of a stall is the thread's own doing, whatever else the host does. The thread computed,
 * or waited for something that is no processor. The kernel counts the other time in `schedstat`; where there is no such
 * file, the clock never stands still.
 */
export function threadClock(): ThreadClock {
  let file: number;
  try {
    file = openSync("/proc/thread-self/schedstat", "r");
  } catch {
    return { now: () => performance.now(), [Symbol.dispose]: () => undefined };
  }
  const buffer = Buffer.alloc(128);
  return {
    now: () => {
      const length = readSync(file, buffer, 0, buffer.length, 0);
      const waited = Number(buffer.toString("latin1", 0, length).split(" ")[1]);
      return performance.now() - waited / 1e6;
    },
    [Symbol.dispose]: () => closeSync(file),
  };
}

/** How often a turn of the event loop is asked for, in milliseconds. */
const interval = 10;

/** The stalls of a thread's event loop. Disposing ends the watch. */
export interface StallWatch extends Disposable {
  /** The longest time for which the thread itself has kept its event loop from a turn, in milliseconds of its clock. */
  longest(): number;
  /** Forgets what was measured until now. */
  reset(): void;
}

/** Watches the event loop of the calling thread. */
export function watchStalls(): StallWatch {
  const clock = threadClock();
  let [last, most] = [clock.now(), 0];
  const turn = (): void => {
    const now = clock.now();
    most = Math.max(most, now - last - interval);
    last = now;
  };
  const timer = setInterval(turn, interval);
  timer.unref();
  return {
    longest: () => {
      turn();
      return most;
    },
    reset: () => {
      turn();
      most = 0;
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      clock[Symbol.dispose]();
    },
  };
}
