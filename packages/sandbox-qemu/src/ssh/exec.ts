import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { ObError, messageOf } from "@ob/core";
import type { ClientCallback, ClientChannel, PseudoTtyOptions } from "ssh2";
import { abortable } from "../abort.ts";
import type { SshSession } from "./session.ts";

export interface ExecOptions {
  readonly signal: AbortSignal;
  /** What the command reads on its standard input; by default nothing. */
  readonly input?: Uint8Array | Readable | undefined;
  /** Variables for the server to set, if it takes them. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  readonly onStdout?: ((bytes: Uint8Array) => void) | undefined;
  readonly onStderr?: ((bytes: Uint8Array) => void) | undefined;
}

/** How a command ended. */
export type ExecStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: string };

/** The status and what the command wrote, the last part of each. */
export interface ExecResult {
  readonly status: ExecStatus;
  readonly stdout: string;
  readonly stderr: string;
}

/** How much of the output `capture` keeps, in characters. */
const kept = 65_536;

/**
 * Runs a command and waits for it and for all of its output. Standard input is fed as fast as the command reads.
 *
 * @throws ObError `GUEST_LOST` if the connection ends first; the signal's reason; whatever the input stream threw.
 */
export async function execute(
  session: SshSession,
  command: string,
  options: ExecOptions,
): Promise<ExecStatus> {
  const { input, environment, onStdout, onStderr } = options;
  const signal = AbortSignal.any([options.signal, session.lost]);
  await using stack = new AsyncDisposableStack();
  if (input instanceof Readable) stack.defer(() => void input.destroy());
  const { channel, ended } = await abortable(startCommand(session, command, { environment }), signal);
  stack.defer(() => void channel.destroy());
  // Whoever is no longer interested in the command need not hear how it ended.
  ended.catch(() => undefined);
  // Without a reader the channel's window fills, and the command stands still.
  channel.on("data", (bytes: Uint8Array) => onStdout?.(bytes));
  channel.stderr.on("data", (bytes: Uint8Array) => onStderr?.(bytes));
  // A command may end without reading all of its input: then its status is what counts.
  const fed = feed(channel, { input, signal }).then(async () => await ended);
  return await abortable(Promise.race([ended, fed]), signal);
}

/** Runs a command and keeps what it writes. Throws as `execute` does. */
export async function capture(
  session: SshSession,
  command: string,
  options: Omit<ExecOptions, "onStdout" | "onStderr">,
): Promise<ExecResult> {
  const [out, err] = [collector(), collector()];
  const status = await execute(session, command, { ...options, onStdout: out.add, onStderr: err.add });
  return { status, stdout: out.text(), stderr: err.text() };
}

/** `exit status 2` or `signal SIGKILL`. */
export function statusText(status: ExecStatus): string {
  return status.kind === "exited" ? `exit status ${status.code}` : `signal ${status.signal}`;
}

export interface RunningCommand {
  readonly channel: ClientChannel;
  readonly ended: Promise<ExecStatus>;
}

export interface StartCommandOptions {
  /** A terminal of its own. */
  readonly pty?: PseudoTtyOptions | undefined;
  /** See `ExecOptions`. */
  readonly environment?: ExecOptions["environment"];
}

/**
 * Starts a command; none is the user's login shell.
 *
 * @throws ObError `GUEST_LOST`.
 */
export async function startCommand(
  session: SshSession,
  command: string | undefined,
  { pty, environment }: StartCommandOptions = {},
): Promise<RunningCommand> {
  const { promise, resolve, reject } = Promise.withResolvers<RunningCommand>();
  const started: ClientCallback = (error, channel) => {
    if (error) return reject(lost(error));
    // At once: a short command's status and end can be in the same packet as the channel's beginning.
    resolve({ channel, ended: statusOf(channel) });
  };
  try {
    if (command === undefined) session.client.shell(pty ?? false, started);
    else {
      const options = { ...(pty && { pty }), ...(environment && { env: environment }) };
      session.client.exec(command, options, started);
    }
  } catch (error) {
    reject(lost(error));
  }
  return await promise;
}

async function statusOf(channel: ClientChannel): Promise<ExecStatus> {
  const { promise, resolve, reject } = Promise.withResolvers<ExecStatus>();
  let status: ExecStatus | undefined;
  channel.on("exit", (code: number | null, name?: string) => {
    status = code === null ? { kind: "killed", signal: name ?? "unknown" } : { kind: "exited", code };
  });
  channel.on("close", () => {
    if (status) resolve(status);
    else reject(new ObError("GUEST_LOST", "The guest closed the command's connection without a status."));
  });
  return await promise;
}

function lost(cause: unknown): ObError {
  return new ObError("GUEST_LOST", `The guest does not take a command: ${messageOf(cause)}`, { cause });
}

/** Rejects only with an error of the input itself. */
async function feed(
  channel: ClientChannel,
  { input, signal }: { readonly input: ExecOptions["input"]; readonly signal: AbortSignal },
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
    await pipeline(input, channel, { signal });
  } catch {
    if (broken !== undefined && !signal.aborted) throw broken;
  }
}

function collector(): { readonly add: (bytes: Uint8Array) => void; readonly text: () => string } {
  const decoder = new TextDecoder();
  let text = "";
  return {
    add: (bytes) => {
      text = (text + decoder.decode(bytes, { stream: true })).slice(-kept);
    },
    text: () => text,
  };
}
