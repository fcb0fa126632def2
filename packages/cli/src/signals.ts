import { ObError } from "@ob/core";

/** Signals that end the command, and `SIGPIPE`: the reader of its output is gone. */
export type Interrupt = "SIGINT" | "SIGTERM" | "SIGHUP" | "SIGPIPE";

export interface Interrupts extends Disposable {
  readonly signal: AbortSignal;
  /** The first interrupt, if any. */
  readonly cause: () => Interrupt | undefined;
  /** Cancels as a signal does. */
  readonly interrupt: (by: Interrupt) => void;
}

/** The part of `process` that is used. */
export interface SignalSource {
  on(event: Interrupt, listener: () => void): unknown;
  off(event: Interrupt, listener: () => void): unknown;
}

/**
 * Turns the process's signals into one AbortSignal. The first one cancels, so that all work ends cleanly; the second
 * one calls `onSecond`, which ends the process at once.
 */
export function listenForInterrupts(
  source: SignalSource,
  onSecond: (interrupt: Interrupt) => void,
): Interrupts {
  const controller = new AbortController();
  let first: Interrupt | undefined;

  const interrupt = (by: Interrupt) => {
    if (first === undefined) {
      first = by;
      controller.abort(new ObError("CANCELLED", "Cancelled at user's request"));
    } else if (by !== "SIGPIPE") {
      onSecond(by);
    }
  };

  const listeners = (["SIGINT", "SIGTERM", "SIGHUP"] as const).map((name) => ({
    name,
    listener: () => interrupt(name),
  }));
  for (const { name, listener } of listeners) source.on(name, listener);

  return {
    signal: controller.signal,
    cause: () => first,
    interrupt,
    [Symbol.dispose]() {
      for (const { name, listener } of listeners) source.off(name, listener);
    },
  };
}
