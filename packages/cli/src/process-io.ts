import type { Interrupt } from "./signals.ts";

/** A stream that the command prints to. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  /** Width of the terminal, in characters. */
  readonly columns?: number;
  /** Height of the terminal, in lines. */
  readonly rows?: number;
}

/** What the command may read: standard input. */
export type Input = AsyncIterable<Uint8Array | string> & {
  readonly isTTY?: boolean | undefined;
  /** On a terminal: hands on each key as it is pressed, and makes no signals of any. */
  readonly setRawMode?: (raw: boolean) => unknown;
};

/** All that the command sees of the process it runs in. */
export interface ProcessIo {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires when the user or the system wants the command to stop. */
  readonly signal: AbortSignal;
  /**
   * Gives what is made from now on the permissions that the user's umask says. Until then nobody but the user may read it:
   * what goes into a store is for nobody else. By default that is left to who runs the command.
   */
  readonly restoreUmask?: () => void;
  /** What made the signal fire. */
  readonly interruptedBy: () => Interrupt | undefined;
}
