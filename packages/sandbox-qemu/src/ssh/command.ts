import { ObError, errorMessage, isObError } from "@ob/core";
import type { ClientCallback, ClientChannel, PseudoTtyOptions } from "ssh2";
import type { SshSession } from "./session.ts";

/** How a command ended. */
export type ExecStatus =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: string };

/** `exit status 2` or `signal SIGKILL`. */
export function statusText(status: ExecStatus): string {
  return status.kind === "exited" ? `exit status ${status.code}` : `signal ${status.signal}`;
}

export interface RunningCommand {
  readonly channel: ClientChannel;
  /** Resolves when its process has ended; rejects with `GUEST_LOST` if the channel closes without a status. */
  readonly exited: Promise<ExecStatus>;
  /** Resolves when the channel is closed and all output has been read. */
  readonly closed: Promise<void>;
}

export interface StartCommandOptions {
  /** A pseudo-terminal for the command. */
  readonly pty?: PseudoTtyOptions | undefined;
  /** Environment variables for the server to set, if it accepts them. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/**
 * How long a command line may be, in bytes. OpenSSH ends the connection on a packet of more than 256 KiB (`PACKET_MAX_SIZE` in
 * its packet.c); the rest is for the packet's other fields.
 */
export const maxCommandBytes = 250_000;

/**
 * Starts a command; undefined is the user's login shell.
 *
 * @param command for a Bourne shell, whatever the login shell is.
 * @throws ObError `GUEST_LOST`; `UNSUPPORTED` if it is too long for the login shell or for SSH.
 */
export async function startCommand(
  session: SshSession,
  command: string | undefined,
  { pty, environment }: StartCommandOptions = {},
): Promise<RunningCommand> {
  const { promise, resolve, reject } = Promise.withResolvers<RunningCommand>();
  const started: ClientCallback = (error, channel) => {
    if (error) return reject(lost(error));
    session.floods.watch(channel);
    // Listen at once: the status of a short command can be in the same packet as the confirmation of the channel.
    resolve({ channel, ...endOf(channel) });
  };
  try {
    if (command === undefined) session.client.shell(pty ?? false, started);
    else {
      const options = { ...(pty && { pty }), ...(environment && { env: environment }) };
      session.client.exec(checkedLine(session.lineFor(command)), options, started);
    }
  } catch (error) {
    reject(isObError(error) ? error : lost(error));
  }
  return await promise;
}

function checkedLine(line: string): string {
  if (Buffer.byteLength(line) <= maxCommandBytes) return line;
  throw new ObError(
    "UNSUPPORTED",
    `The command and its environment are longer than an SSH server accepts (${maxCommandBytes} bytes).`,
    { hint: "Copy a script into the image and run that." },
  );
}

function endOf(channel: ClientChannel): Omit<RunningCommand, "channel"> {
  const { promise: exited, resolve, reject } = Promise.withResolvers<ExecStatus>();
  const { promise: closed, resolve: onClose } = Promise.withResolvers<void>();
  // A caller that was cancelled no longer waits for it.
  exited.catch(() => undefined);
  channel.on("exit", (code: number | null, name?: string) => {
    resolve(code === null ? { kind: "killed", signal: name ?? "unknown" } : { kind: "exited", code });
  });
  channel.on("close", () => {
    reject(new ObError("GUEST_LOST", "The guest closed the command's connection without a status."));
    onClose();
  });
  return { exited, closed };
}

function lost(cause: unknown): ObError {
  return new ObError("GUEST_LOST", `The guest did not start a command: ${errorMessage(cause)}`, { cause });
}
