import { abortable } from "@ob/core";
import type { ExecStatus, RunningCommand } from "./command.ts";

export interface CommandEndOptions {
  readonly signal: AbortSignal;
  /** Kills the processes that a command left behind; by default they are left alone, and their output is ignored. */
  readonly killStrayProcesses?: (() => Promise<void>) | undefined;
  /** True while the output cannot be taken; by default while a reader has paused it. */
  readonly isHeld?: (() => boolean) | undefined;
}

/** How often the output is checked, in milliseconds. */
const tick = 100;

/** How long to wait for the end of the output after the end of the command, in ticks: without any output, and in all. */
const maxQuietTicks = 20;
const maxTicks = 100;

/**
 * How many ticks in which the output was held may pass before processes that still print are killed: a slow reader must not
 * keep them alive for ever.
 */
const maxHeldTicks = 600;

/**
 * Waits for the end of a command and of its output. When its process ends, the SSH server sends the status; it closes the
 * channel only once no process holds the output, which one that the command left behind may do forever. Such processes get
 * a moment to end; then they are killed, so that all output arrives. If the channel is still open after that, it is not
 * waited for. To be called after the listeners for the output were added.
 *
 * @throws ObError `GUEST_LOST` if the channel closes without a status; the signal's reason.
 */
export async function commandEnd(command: RunningCommand, options: CommandEndOptions): Promise<ExecStatus> {
  const { signal, killStrayProcesses, isHeld = () => isPaused(command) } = options;
  const status = await abortable(command.exited, signal);
  const maxHeld = killStrayProcesses ? maxHeldTicks : Infinity;
  const end = await outputEnd(command, { signal, isHeld, maxHeld });
  if (end === "closed" || !killStrayProcesses) return status;
  await abortable(killStrayProcesses(), signal);
  await outputEnd(command, { signal, isHeld, maxHeld: Infinity });
  return status;
}

interface OutputEndOptions {
  readonly signal: AbortSignal;
  readonly isHeld: () => boolean;
  /** See `maxHeldTicks`. */
  readonly maxHeld: number;
}

function isPaused({ channel }: RunningCommand): boolean {
  return channel.isPaused() || channel.stderr.isPaused();
}

/**
 * Counts ticks instead of time: in each of them this process reads what has arrived, however busy it is. Ticks in which the
 * output is held are counted apart.
 */
async function outputEnd(
  { channel, closed }: RunningCommand,
  { signal, isHeld, maxHeld }: OutputEndOptions,
): Promise<"closed" | "held-open"> {
  const { promise, resolve } = Promise.withResolvers<"held-open">();
  let [quiet, all, held] = [0, 0, 0];
  const onData = (): void => {
    quiet = 0;
  };
  const timer = setInterval(() => {
    if (isHeld()) held += 1;
    else [quiet, all] = [quiet + 1, all + 1];
    if (quiet > maxQuietTicks || all > maxTicks || held > maxHeld) resolve("held-open");
  }, tick);
  channel.on("data", onData);
  channel.stderr.on("data", onData);
  try {
    return await abortable(Promise.race([closed.then(() => "closed" as const), promise]), signal);
  } finally {
    clearInterval(timer);
    channel.off("data", onData);
    channel.stderr.off("data", onData);
  }
}
