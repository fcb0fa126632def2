import { abortable, type OnOutput, TailText } from "@ob/core";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ClientChannel } from "ssh2";
import { passOutput } from "./pass-output.ts";
import { type ExecStatus, startCommand, type StartCommandOptions } from "./command.ts";
import { commandEnd, type CommandEndOptions } from "./command-end.ts";
import type { SshSession } from "./session.ts";

export interface ExecOptions {
  readonly signal: AbortSignal;
  /** The command's standard input; by default empty. */
  readonly input?: Uint8Array | Readable | undefined;
  /** What is sent before the input; by default nothing. */
  readonly inputStart?: string | undefined;
  /** See `StartCommandOptions`. */
  readonly environment?: StartCommandOptions["environment"];
  readonly onStdout?: OnOutput | undefined;
  readonly onStderr?: OnOutput | undefined;
  /** See `CommandEndOptions`. */
  readonly killStrayProcesses?: CommandEndOptions["killStrayProcesses"];
}

/** The status and the last part of the output. */
export interface ExecResult {
  readonly status: ExecStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** How much of the output `capture` keeps, in characters. */
const maxCaptured = 65_536;

/**
 * Runs a command and waits for it and for all of its output, as `commandEnd` does. Its input is sent as fast as it reads,
 * and its output is read as fast as it is taken.
 *
 * @throws ObError `GUEST_LOST` if the connection ends first; the signal's reason; whatever the input stream threw.
 */
export async function execute(
  session: SshSession,
  command: string,
  options: ExecOptions,
): Promise<ExecStatus> {
  const { input, inputStart = "", environment, killStrayProcesses } = options;
  const over = new AbortController();
  const alive = AbortSignal.any([options.signal, session.lost, over.signal]);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => over.abort());
  if (input instanceof Readable) stack.defer(() => void input.destroy());
  const running = await abortable(startCommand(session, command, { environment }), alive);
  const { channel } = running;
  stack.defer(() => void channel.destroy());
  const output = stack.use(passOutput(channel, options));
  const signal = AbortSignal.any([alive, output.failed]);
  const ended = commandEnd(running, { signal, killStrayProcesses, isHeld: output.isHeld });
  // A caller that was cancelled no longer waits for it.
  ended.catch(() => undefined);
  if (inputStart !== "") channel.write(inputStart);
  // A command may end without reading all of its input: then only its status matters.
  let hasEnded = false;
  const onEnd = (): void => {
    hasEnded = true;
  };
  running.exited.then(onEnd, onEnd);
  const fed = feed(channel, { input, signal, floods: session.floods }).catch((error: unknown) => {
    if (!hasEnded) throw error;
  });
  return await Promise.race([ended, fed.then(async () => await ended)]);
}

/** Runs a command and captures its output. Throws as `execute` does. */
export async function capture(
  session: SshSession,
  command: string,
  options: Omit<ExecOptions, "onStdout" | "onStderr">,
): Promise<ExecResult> {
  return await captureBy(async (streams) => await execute(session, command, { ...options, ...streams }));
}

/** Captures the output of an execution. */
export async function captureBy(
  execution: (streams: Pick<ExecOptions, "onStdout" | "onStderr">) => Promise<ExecStatus>,
): Promise<ExecResult> {
  const [out, err] = [collector(), collector()];
  const status = await execution({ onStdout: out.add, onStderr: err.add });
  return { status, stdout: out.text(), stderr: err.text() };
}

/** Rejects only with an error of the input itself. */
async function feed(
  channel: ClientChannel,
  { input, signal, floods }: Pick<ExecOptions, "input" | "signal"> & Pick<SshSession, "floods">,
): Promise<void> {
  if (input === undefined || input instanceof Uint8Array) {
    channel.on("error", () => undefined);
    channel.end(input);
    return;
  }
  let broken: unknown;
  input.once("error", (error) => {
    broken = error;
  });
  try {
    await pipeline(input, asSent(floods), channel, { signal });
  } catch {
    if (broken !== undefined && !signal.aborted) throw broken;
  }
}

/** Passes an input on as the connection takes it, however much the server grants. */
function asSent({ sent }: SshSession["floods"]) {
  return async function* (input: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const bytes of input) {
      await sent();
      yield bytes;
    }
  };
}

function collector(): { readonly add: (bytes: Uint8Array) => void; readonly text: () => string } {
  const decoder = new TextDecoder();
  const text = new TailText(maxCaptured);
  return {
    add: (bytes) => text.add(decoder.decode(bytes, { stream: true })),
    text: () => text.text,
  };
}
