import { Duplex } from "node:stream";
import { setTimeout as wait } from "node:timers/promises";
import { abortable, TailText } from "@ob/core";
import { type ExecStatus, startCommand } from "./command.ts";
import { type Frame, type FramedLine, frameReader, newMark } from "./frame.ts";
import type { SshSession } from "./session.ts";

/** A command whose standard input and output are a connection. Disposing ends it. */
export interface ServedConnection extends AsyncDisposable {
  readonly stream: Duplex;
  /** Closes the connection and waits a moment for the command. @returns its status if it has ended, and its standard error. */
  end(): Promise<{ readonly status: ExecStatus | undefined; readonly errors: string }>;
}

export interface ServeOptions {
  readonly session: SshSession;
  readonly signal: AbortSignal;
}

/** How long a command may take to end, in milliseconds. */
const endTime = 5_000;

/** How much of its standard error is kept, in characters. */
const maxErrors = 4_000;

/**
 * Starts a command in a frame and connects a stream to it. What it sends is read as fast as the stream is.
 *
 * @throws ObError `GUEST_LOST`; the signal's reason.
 */
export async function serveOnChannel(
  framed: (frame: Frame) => FramedLine,
  { session, signal }: ServeOptions,
): Promise<ServedConnection> {
  const mark = newMark();
  const { command, inputStart } = framed({ mark, marksInput: true });
  const { channel, exited, closed } = await abortable(startCommand(session, command), signal);
  // Later: ssh2's ciphers keep some of their state in common, so one connection must not be read or written within the other.
  const stream = new Duplex({
    read: () => void setImmediate(() => channel.resume()),
    write: (bytes: Uint8Array, _encoding, done) =>
      void setImmediate(() => channel.write(bytes, () => done())),
    final: (done) => {
      channel.end();
      done();
    },
  });
  const pass = (bytes: Uint8Array): void => {
    if (!stream.push(bytes)) channel.pause();
  };
  const output = frameReader(mark, (bytes) => void setImmediate(pass, bytes), { marksEnd: false });
  const errors = new TailText(maxErrors);
  const said = frameReader(mark, (bytes) => errors.add(Buffer.from(bytes).toString()), { marksEnd: false });
  channel.on("error", () => undefined).on("data", (bytes: Uint8Array) => void output.add(bytes));
  channel.stderr.on("data", (bytes: Uint8Array) => void said.add(bytes));
  const over = (): void =>
    void setImmediate(() => {
      stream.push(null);
      stream.end();
    });
  // A process that a start-up file has left may hold the channel open.
  void Promise.race([closed, exited.catch(() => undefined)]).then(over);
  stream.on("error", () => undefined);
  channel.write(inputStart);
  return {
    stream,
    end: async () => {
      channel.end();
      let status: ExecStatus | undefined;
      const ended = (async () => {
        status = await exited.catch(() => undefined);
        // The last output may arrive after the status.
        await closed;
      })();
      await Promise.race([ended, wait(endTime)]);
      return { status, errors: (said.before + errors.text).trim() };
    },
    [Symbol.asyncDispose]: async () => {
      stream.destroy();
      channel.destroy();
      await Promise.resolve();
    },
  };
}
