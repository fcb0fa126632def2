import type { Interrupt } from "./signals.ts";

/** A stream that the command writes to. */
export interface Output extends NodeJS.WritableStream {
  readonly isTTY?: boolean;
  /** Width of the terminal, in characters. */
  readonly columns?: number;
  /** Height of the terminal, in lines. */
  readonly rows?: number;
  /** How much waits to be written, in bytes. */
  readonly writableLength?: number;
  /** True if no more should be written before "drain". */
  readonly writableNeedDrain?: boolean;
}

/** Standard input. */
export type Input = AsyncIterable<Uint8Array | string> & {
  readonly isTTY?: boolean | undefined;
  /** On a terminal: passes on each key as it is pressed, and turns none into a signal. */
  readonly setRawMode?: (raw: boolean) => unknown;
};

/** The standard streams, environment and signals of the process. */
export interface ProcessIo {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Fires when the user or the system cancels the command. */
  readonly signal: AbortSignal;
  /**
   * Restores the user's umask for files that are created from now on. Until then only the user can read what the command
   * creates, since a store is private. By default the umask is the caller's business.
   */
  readonly restoreUmask?: () => void;
  /**
   * From now on the command goes on when nobody reads its standard output any more. By default that cancels it, as
   * `SIGPIPE` does.
   */
  readonly outliveReader?: () => void;
  /** What made the signal fire. */
  readonly interruptedBy: () => Interrupt | undefined;
}
