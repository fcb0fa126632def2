import { PassThrough } from "node:stream";
import { type Emit, lastLines, ObError } from "@ob/core";
import { abortable } from "../abort.ts";
import { exitNotFound } from "../guest/profile.ts";
import type { GuestCommand } from "../guest/profile.ts";
import { checkReached } from "../guest/run-framed.ts";
import { startCommand, statusText } from "../ssh/command.ts";
import { commandEnd } from "../ssh/command-end.ts";
import { frameReader, newMark } from "../ssh/frame.ts";
import type { SshSession } from "../ssh/session.ts";

export interface ReadOptions {
  readonly session: SshSession;
  readonly path: string;
  /** As in `ReadArchiveOptions`: the command does it, and the error tells. */
  readonly followLink?: boolean | undefined;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** How much of what tar says is kept, in characters. */
const kept = 16_384;

/**
 * Runs the guest's tar and yields its archive as fast as it is read. The archive is whole when the iteration ends. What
 * stands outside of the command's frame is not part of it.
 *
 * @throws ObError `BAD_SOURCE`, `GUEST_LOST`; the signal's reason.
 */
export async function* readArchive(command: GuestCommand, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const { session, path, followLink = false, emit } = options;
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, session.lost]);
  using stack = new DisposableStack();
  stack.defer(() => over.abort());
  const mark = newMark();
  const framed = command.framed?.({ mark, marksEnd: true });
  if (!framed) throw new TypeError("an archive can be read in a frame only");
  const running = await abortable(startCommand(session, framed.command), signal);
  const { channel } = running;
  stack.defer(() => void channel.destroy());
  channel.on("error", () => undefined).end();
  let said = "";
  const errors = frameReader(mark, (bytes) => {
    said = (said + Buffer.from(bytes).toString()).slice(-kept);
  });
  channel.stderr.on("data", errors.add);
  const chunks: Uint8Array[] = [];
  const output = frameReader(mark, (bytes) => void chunks.push(bytes));
  const archive = channel.pipe(new PassThrough());
  const ended = commandEnd(running, { signal: AbortSignal.any([signal, over.signal]) });
  const onEnd = (): void => {
    channel.unpipe(archive);
    archive.end();
  };
  // Whoever still holds the output has nothing to add.
  ended.then(onEnd, onEnd);
  const onAbort = (): void => void archive.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  stack.defer(() => signal.removeEventListener("abort", onAbort));
  try {
    for await (const chunk of archive) {
      output.add(chunk);
      yield* chunks.splice(0);
    }
  } catch (error) {
    // That it was destroyed says less than why.
    if (!signal.aborted) throw error;
  }
  const status = await ended;
  checkReached(command, { status, output, errors });
  const words = lastLines(said === "" ? errors.before : said, 8);
  if (status.kind === "exited" && status.code === 0) {
    if (output.place !== "after") {
      throw new ObError(command.failure, `The guest could not ${command.purpose}: its archive broke off.`);
    }
    if (words !== "")
      emit({ type: "log", level: "warning", text: `The guest's tar said of ${path}: ${words}` });
    return;
  }
  if (status.kind === "exited" && status.code === exitNotFound) {
    const orElse = followLink ? ", or it is a link that leads nowhere" : "";
    throw new ObError(command.failure, `There is nothing at ${JSON.stringify(path)}${orElse}.`);
  }
  const why = words === "" ? statusText(status) : words;
  throw new ObError(command.failure, `The guest could not ${command.purpose}: ${why}`);
}
