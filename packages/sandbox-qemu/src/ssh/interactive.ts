import { constants } from "node:os";
import { abortable, type Stdio, type Tty } from "@ob/core";
import type { PseudoTtyOptions } from "ssh2";
import { type ExecStatus, startCommand } from "./command.ts";
import { commandEnd } from "./command-end.ts";
import type { SshSession } from "./session.ts";

export interface InteractOptions {
  readonly terminal: Stdio;
  readonly signal: AbortSignal;
}

/**
 * Runs a command that is connected to a terminal or to pipes, and waits for its end and all of its output, as `commandEnd`
 * does. Processes that it leaves behind keep running until the guest stops.
 *
 * @param command for the login user's shell; undefined for the shell itself.
 * @returns its exit status, as shells report it.
 * @throws ObError `GUEST_LOST`; the signal's reason.
 */
export async function execInteractive(
  session: SshSession,
  command: string | undefined,
  { terminal, signal: caller }: InteractOptions,
): Promise<number> {
  const { input, output, errors, tty: screen } = terminal;
  const signal = AbortSignal.any([caller, session.lost]);
  using stack = new DisposableStack();
  const running = await abortable(startCommand(session, command, { pty: ptyOf(screen) }), signal);
  const { channel } = running;
  stack.defer(() => void channel.destroy());
  channel.on("error", () => undefined);
  if (screen) {
    const resize = (): void => {
      const { columns, rows } = screen.size();
      channel.setWindow(rows, columns, 0, 0);
    };
    stack.use(screen.onResize(resize));
  }
  channel.pipe(output, { end: false });
  channel.stderr.pipe(errors, { end: false });
  // A broken input is an end of input.
  const onBroken = (): void => void channel.end();
  input.once("error", onBroken).pipe(channel);
  stack.defer(() => {
    channel.unpipe(output);
    channel.stderr.unpipe(errors);
    input.off("error", onBroken).unpipe(channel).pause();
  });
  return exitCodeOf(await commandEnd(running, { signal }));
}

function ptyOf(screen: Tty | undefined): PseudoTtyOptions | undefined {
  if (!screen) return undefined;
  const { columns, rows } = screen.size();
  return { term: screen.kind, cols: columns, rows };
}

/** As shells report it: 128 and the signal's number for a signal. */
function exitCodeOf(status: ExecStatus): number {
  if (status.kind === "exited") return status.code;
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[status.signal] ?? 0);
}
