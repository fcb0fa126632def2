import { abortable } from "../abort.ts";
import type { ExecStatus, RunningCommand } from "./command.ts";

export interface CommandEndOptions {
  readonly signal: AbortSignal;
  /** Ends the processes that a command has left; by default they are left alone, and no longer listened to. */
  readonly killStrayProcesses?: (() => Promise<void>) | undefined;
}

/** How often it is looked whether output still comes, in milliseconds. */
const tick = 100;

/** What is waited for the end of the output of a command that has ended, in ticks: without any output, and in all. */
const quietTicks = 20;
const longestTicks = 100;

/**
 * Waits for the end of a command and of its output. A command ends with its process: the ssh server tells the status
 * then, and closes the channel only when nobody holds the output any more, which a process that the command has left may
 * do for ever. Whoever still writes gets a moment; then those that are left are ended, so that all that was printed
 * arrives; and if the channel is open even so, it is not waited for. To be called when the output has its readers.
 *
 * @throws ObError `GUEST_LOST` if the channel closes without a status; the signal's reason.
 */
export async function commandEnd(command: RunningCommand, options: CommandEndOptions): Promise<ExecStatus> {
  const { signal, killStrayProcesses: endLeftovers } = options;
  const status = await abortable(command.exited, signal);
  if ((await outputEnd(command, signal)) === "closed" || !endLeftovers) return status;
  await abortable(endLeftovers(), signal);
  await outputEnd(command, signal);
  return status;
}

/**
 * Ticks are counted, and not the time: in each of them what has arrived is read, however busy this process is. Those in
 * which a reader holds the output back do not count.
 */
async function outputEnd(
  { channel, closed }: RunningCommand,
  signal: AbortSignal,
): Promise<"closed" | "held open"> {
  const { promise, resolve } = Promise.withResolvers<"held open">();
  let [quiet, all] = [0, 0];
  const onData = (): void => {
    quiet = 0;
  };
  const timer = setInterval(() => {
    if (channel.isPaused() || channel.stderr.isPaused()) return;
    quiet += 1;
    all += 1;
    if (quiet > quietTicks || all > longestTicks) resolve("held open");
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
