import { PassThrough } from "node:stream";
import { abortable, type Emit, ObError, quotedName, tailLines } from "@ob/core";
import { exitNotFound } from "../guest/exit-statuses.ts";
import type { GuestCommand } from "../guest/profile.ts";
import { checkReached } from "../guest/run-framed.ts";
import { type ExecStatus, startCommand, statusText } from "../ssh/command.ts";
import { commandEnd } from "../ssh/command-end.ts";
import { frameReader, newMark } from "../ssh/frame.ts";
import type { SshSession } from "../ssh/session.ts";

export interface ReadOptions {
  readonly session: SshSession;
  readonly path: string;
  /** As in `ReadArchiveOptions`; here only for the error message. */
  readonly followLink?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** How much of tar's standard error is kept, in characters. */
const maxErrors = 16_384;

/**
 * Runs the guest's tar and yields its archive as fast as it is read. The archive is complete when the iteration ends.
 *
 * @throws ObError `BAD_SOURCE`, `GUEST_LOST`; the signal's reason.
 */
export async function* readArchive(command: GuestCommand, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const { session, path, emit } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, session.lost]);
  using stack = new DisposableStack();
  stack.defer(() => over.abort());
  const mark = newMark();
  const framed = command.framed?.({ mark, marksEnd: true });
  if (!framed) throw new TypeError("an archive can only be read in a frame");
  const running = await abortable(startCommand(session, framed.command), signal);
  const { channel } = running;
  stack.defer(() => void channel.destroy());
  channel.on("error", () => undefined).end();
  let said = "";
  const errors = frameReader(mark, (bytes) => {
    said = (said + Buffer.from(bytes).toString()).slice(-maxErrors);
  });
  channel.stderr.on("data", (bytes: Uint8Array) => void errors.add(bytes));
  const chunks: Uint8Array[] = [];
  const output = frameReader(mark, (bytes) => void chunks.push(bytes));
  const archive = channel.pipe(new PassThrough());
  const ended = commandEnd(running, { signal: AbortSignal.any([signal, over.signal]) });
  const onEnd = (): void => {
    channel.unpipe(archive);
    archive.end();
  };
  // A process that still holds the output is not part of the command.
  ended.then(onEnd, onEnd);
  const onAbort = (): void => void archive.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  stack.defer(() => signal.removeEventListener("abort", onAbort));
  try {
    for await (const chunk of archive) {
      void output.add(chunk);
      yield* chunks.splice(0);
    }
  } catch (error) {
    // If it was destroyed the signal has the reason.
    if (!signal.aborted) throw error;
  }
  const status = await ended;
  checkReached(command, { status, output, errors });
  const message = tailLines(said === "" ? errors.before : said, 8);
  checkStatus(command, { status, message, options });
  if (output.place !== "after") {
    throw new ObError(command.failure, `The guest could not ${command.purpose}: its archive is incomplete.`);
  }
  if (message !== "") {
    emit({ type: "log", level: "warning", text: `The guest's tar printed for ${path}: ${message}` });
  }
}

/** @param message the end of tar's standard error. */
function checkStatus(
  { failure, purpose }: GuestCommand,
  tar: { readonly status: ExecStatus; readonly message: string; readonly options: ReadOptions },
): void {
  const { status, message, options } = tar;
  if (status.kind === "exited" && status.code === 0) return;
  if (status.kind === "exited" && status.code === exitNotFound) {
    const orElse = options.followLink === true ? ", or it is a broken link" : "";
    throw new ObError(failure, `There is nothing at ${quotedName(options.path)}${orElse}.`);
  }
  const reason = message === "" ? statusText(status) : message;
  throw new ObError(failure, `The guest could not ${purpose}: ${reason}`);
}
