import { PassThrough } from "node:stream";
import { type Emit, lastLines, ObError } from "@ob/core";
import { abortable } from "./abort.ts";
import { nothingThere } from "./guest/pack-script.ts";
import type { GuestCommand } from "./guest/profile.ts";
import { startCommand, statusText } from "./ssh/exec.ts";
import type { SshSession } from "./ssh/session.ts";

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
 * Runs the guest's tar and yields its archive as fast as it is read. The archive is whole when the iteration ends.
 *
 * @throws ObError `BAD_SOURCE`, `GUEST_LOST`; the signal's reason.
 */
export async function* readArchive(command: GuestCommand, options: ReadOptions): AsyncGenerator<Uint8Array> {
  const { session, path, followLink = false, emit } = options;
  const signal = AbortSignal.any([options.signal, session.lost]);
  using stack = new DisposableStack();
  const { channel, ended } = await abortable(startCommand(session, command.command), signal);
  stack.defer(() => void channel.destroy());
  ended.catch(() => undefined);
  channel.on("error", () => undefined).end();
  let said = "";
  channel.stderr.on("data", (bytes: Uint8Array) => {
    said = (said + Buffer.from(bytes).toString()).slice(-kept);
  });
  const archive = channel.pipe(new PassThrough());
  const onAbort = (): void => void archive.destroy();
  signal.addEventListener("abort", onAbort, { once: true });
  stack.defer(() => signal.removeEventListener("abort", onAbort));
  try {
    for await (const chunk of archive) yield chunk;
  } catch (error) {
    // That it was destroyed says less than why.
    if (!signal.aborted) throw error;
  }
  const status = await abortable(ended, signal);
  const words = lastLines(said, 8);
  if (status.kind === "exited" && status.code === 0) {
    if (words !== "")
      emit({ type: "log", level: "warning", text: `The guest's tar said of ${path}: ${words}` });
    return;
  }
  if (status.kind === "exited" && status.code === nothingThere) {
    const orElse = followLink ? ", or it is a link that leads nowhere" : "";
    throw new ObError(command.failure, `There is nothing at ${JSON.stringify(path)}${orElse}.`);
  }
  const why = words === "" ? statusText(status) : words;
  throw new ObError(command.failure, `The guest could not ${command.purpose}: ${why}`);
}
