import { abortable } from "@ob/core";
import type { ExecStatus, RunningCommand } from "./command.ts";

export interface CommandEndOptions {
  readonly signal: AbortSignal;
  /** Kills the processes that a command left behind; by default they are left alone, and their output is ignored. */
  readonly killStrayProcesses?: (() => Promise<void>) | undefined;
}

/** How often the output is checked, in milliseconds. */
const tick = 100;

/** How long to wait for the end of the output after the end of the command, in ticks: without any output, and in all. */
const maxQuietTicks = 20;
const maxTicks = 100;

/**
 * Waits for the end of a command and of its output. When its process ends, the SSH server sends the status; it closes the
 * channel only once no process holds the output, which one that the command left behind may do forever. Such processes get
 * a moment to end; then they are killed, so that all output arrives. If the channel is still open after that, it is not
 * waited for. To be called after the listeners for the output were added.
 *
 * @throws ObError `GUEST_LOST` if the channel closes without a status; the signal's reason.
 */
export async function commandEnd(command: RunningCommand, options: CommandEndOptions): Promise<ExecStatus> {
  const { signal, killStrayProcesses } = options;
  const status = await abortable(command.exited, signal);
  if ((await outputEnd(command, signal)) === "closed" || !killStrayProcesses) return status;
  await abortable(killStrayProcesses(), signal);
  await outputEnd(command, signal);
  return status;
}

/**
 * Counts ticks instead of time: in each of them this process reads what has arrived, however busy it is. Ticks in which a
 * reader has paused the output do not count.
 */
async function outputEnd(
  { channel, closed }: RunningCommand,
  signal: AbortSignal,
): Promise<"closed" | "held-open"> {
  const { promise, resolve } = Promise.withResolvers<"held-open">();
  let [quiet, all] = [0, 0];
  const onData = (): void => {
    quiet = 0;
  };
  const timer = setInterval(() => {
    if (channel.isPaused() || channel.stderr.isPaused()) return;
    quiet += 1;
    all += 1;
    if (quiet > maxQuietTicks || all > maxTicks) resolve("held-open");
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
