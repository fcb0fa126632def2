import { setImmediate as nextTurn } from "node:timers/promises";
import { errorMessage, isObError, ObError, type OnOutput } from "@ob/core";
import type { ClientChannel } from "ssh2";
import { turnTime } from "./turn-time.ts";

export interface OutputSinks {
  readonly onStdout?: OnOutput | undefined;
  readonly onStderr?: OnOutput | undefined;
}

/** Output that is passed on. Disposing ends that: the rest is dropped. */
export interface PassedOutput extends Disposable {
  /** True while a sink cannot take more. */
  readonly isHeld: () => boolean;
  /** Fires with `STEP_FAILED` if a sink rejects. */
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
    try {
      await taken;
    } catch (error) {
      failure.abort(notTaken(error));
    } finally {
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
