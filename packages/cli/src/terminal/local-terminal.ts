import { Readable } from "node:stream";
import type { Tty, Stdio } from "@ob/core";
import type { ProcessIo } from "../process-io.ts";

/** The terminal of this process, used by a program in a guest. Disposing restores it. */
export interface LocalTerminal extends Disposable {
  readonly terminal: Stdio;
}

/** True if standard input and output are a terminal. */
export function isInteractive({ stdin, stdout }: ProcessIo): boolean {
  return stdin.isTTY === true && stdout.isTTY === true;
}

/**
 * On a terminal every key goes to the guest, including Ctrl-C. Node.js restores the terminal if the process ends before
 * this is disposed of.
 */
export function openLocalTerminal(io: ProcessIo): LocalTerminal {
  const { stdin, stdout, stderr } = io;
  const interactive = isInteractive(io);
  const input = stdin instanceof Readable ? stdin : Readable.from(stdin);
  if (interactive) stdin.setRawMode?.(true);
  return {
    terminal: { input, output: stdout, errors: stderr, tty: interactive ? screenOf(io) : undefined },
    [Symbol.dispose]() {
      if (interactive) stdin.setRawMode?.(false);
    },
  };
}

function screenOf({ stdout, env }: ProcessIo): Tty {
  return {
    kind: env["TERM"] ?? "dumb",
    size: () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 }),
    onResize: (listener) => {
      stdout.on("resize", listener);
      return { [Symbol.dispose]: () => void stdout.off("resize", listener) };
    },
  };
}
