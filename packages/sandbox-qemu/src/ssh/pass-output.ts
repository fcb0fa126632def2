import { setImmediate as nextTurn } from "node:timers/promises";
import { errorMessage, isObError, ObError, type OnOutput } from "@ob/core";
import type { ClientChannel } from "ssh2";

/**
 * How long one turn of the event loop may deal with a command's output, in milliseconds. Signals, timers and other guests
 * wait for the end of the turn.
 */
const turnTime = 20;

/**
 * How much output may wait here while it is not taken, in bytes. ssh2 grants the server 2 MiB for each stream, and as much
 * again when half of that has arrived, and drops nothing that exceeds it.
 */
const maxUnread = 16 * 2 ** 20;

/** How often that is checked, in milliseconds. */
const checkInterval = 50;

export interface OutputSinks {
  readonly onStdout?: OnOutput | undefined;
  readonly onStderr?: OnOutput | undefined;
}

/** Output that is passed on. Disposing ends that: the rest is dropped. */
export interface PassedOutput extends Disposable {
  /** True while a sink cannot take more. */
  readonly isHeld: () => boolean;
  /** Fires with `GUEST_LOST` if the server sends more than it was granted, or with `STEP_FAILED` if a sink rejects. */
  readonly failed: AbortSignal;
}

/**
 * Passes a command's output on as fast as it is taken, and in short turns. While it is not taken the channel is not read:
 * its window fills, and the command in the guest waits.
 */
export function passOutput(channel: ClientChannel, { onStdout, onStderr }: OutputSinks): PassedOutput {
  const failure = new AbortController();
  let [pauses, held, isOver] = [0, 0, false];
  let turnEnd: number | undefined;

  const pauseUntil = async (resumed: Promise<unknown>): Promise<void> => {
    pauses += 1;
    channel.pause();
    channel.stderr.pause();
    await resumed;
    pauses -= 1;
    if (pauses > 0) return;
    channel.resume();
    channel.stderr.resume();
  };
  const endTurn = async (): Promise<void> => {
    await nextTurn();
    turnEnd = undefined;
  };
  const hold = async (taken: Promise<void>): Promise<void> => {
    held += 1;
    const check = setInterval(() => {
      if (channel.readableLength + channel.stderr.readableLength > maxUnread) failure.abort(tooMuch());
    }, checkInterval);
    try {
      await taken;
    } catch (error) {
      failure.abort(notTaken(error));
    } finally {
      clearInterval(check);
      held -= 1;
    }
  };
  const listener = (sink: OnOutput | undefined) => (bytes: Uint8Array) => {
    if (isOver) return;
    turnEnd ??= performance.now() + turnTime;
    const taken = sink?.(bytes);
    if (taken) void pauseUntil(hold(taken));
    if (performance.now() >= turnEnd) void pauseUntil(endTurn());
  };
  // Without a listener the channel's window fills, and the command blocks.
  channel.on("data", listener(onStdout));
  channel.stderr.on("data", listener(onStderr));
  return {
    isHeld: () => held > 0,
    failed: failure.signal,
    [Symbol.dispose]() {
      isOver = true;
    },
  };
}

/** A sink is not to reject. One that does anyway fails the step, and not the process. */
function notTaken(cause: unknown): ObError {
  if (isObError(cause)) return cause;
  return new ObError("STEP_FAILED", `The output of the command was not taken: ${errorMessage(cause)}`, {
    cause,
  });
}

function tooMuch(): ObError {
  return new ObError("GUEST_LOST", "The guest's SSH server sent more output than it was granted.");
}
