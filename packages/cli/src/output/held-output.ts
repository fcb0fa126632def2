import { fstatSync, statSync, writeSync } from "node:fs";
import { errnoCode } from "@ob/core";
import type { Output } from "../process-io.ts";

/** How long output is held, in milliseconds: most commands have ended by then. */
const heldMs = 50;
/** How much is held, in characters or bytes. */
const heldSize = 4_096;

export interface HeldOutputOptions {
  /** A descriptor, for which no terminal is looked for. */
  readonly fd: number;
  /** Opens the stream of the descriptor; called once. */
  readonly open: () => Output;
  /** How much is held, in characters or bytes; by default 4096. With 0 the first `write` opens the stream. */
  readonly maxHeld?: number;
}

/**
 * An output that is no terminal, for a command that may end in a moment: what it writes is held, and written at the end. To open a pipe
 * as a stream takes Node.js a tenth of the time of a cached build. What comes later, or is more, goes to the stream, and so does each use
 * but `write`.
 */
export class HeldOutput {
  /** What commands write to. */
  readonly stream: Output;
  readonly #options: HeldOutputOptions;
  readonly #held: (string | Uint8Array)[] = [];
  #size = 0;
  #timer: NodeJS.Timeout | undefined;
  #opened: Output | undefined;

  constructor(options: HeldOutputOptions) {
    this.#options = options;
    const write = this.#write.bind(this);
    this.stream = new Proxy<Output>(Object.create(null), {
      get: (_, key) => {
        if (!this.#opened) {
          if (key === "write") return write;
          if (key === "isTTY" || key === "columns" || key === "rows") return undefined;
          if (key === "writableNeedDrain") return false;
          if (key === "writableLength") return this.#size;
        }
        const opened = this.open();
        const value: unknown = Reflect.get(opened, key, opened);
        return typeof value === "function" ? value.bind(opened) : value;
      },
      has: (_, key) => Reflect.has(this.open(), key),
    });
  }

  /** The stream, which has got what was held. */
  open(): Output {
    if (this.#opened) return this.#opened;
    clearTimeout(this.#timer);
    this.#opened = this.#options.open();
    for (const piece of this.#held.splice(0)) this.#opened.write(piece);
    return this.#opened;
  }

  /**
   * Writes what is held, and waits until all of it is taken.
   *
   * @returns false if the stream is open: it has to be flushed.
   * @throws Node's own error.
   */
  finish(): boolean {
    if (this.#opened) return false;
    clearTimeout(this.#timer);
    const pieces = this.#held
      .splice(0)
      .map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
    let rest = Buffer.concat(pieces);
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#options.fd, rest));
      return true;
    } catch (error) {
      // A pipe that another process has made non-blocking.
      if (errnoCode(error) !== "EAGAIN") throw error;
      this.#held.push(rest);
      this.open();
      return false;
    }
  }

  #write(piece: string | Uint8Array, ...more: unknown[]): boolean {
    this.#held.push(typeof piece === "string" ? piece : Uint8Array.from(piece));
    this.#size += piece.length;
    // A callback wants to know when it is written.
    if (this.#size > (this.#options.maxHeld ?? heldSize) || more.length > 0) {
      const last = this.#held.pop() ?? "";
      return Reflect.apply(this.open().write, this.#opened, [last, ...more]);
    }
    this.#timer ??= setTimeout(() => this.open(), heldMs).unref();
    return true;
  }
}

/** True for a file, a pipe, a socket and /dev/null: what is no terminal, by a look that loads nothing. */
export function canBeHeld(fd: number): boolean {
  try {
    const stats = fstatSync(fd);
    return !stats.isCharacterDevice() || stats.rdev === statSync("/dev/null").rdev;
  } catch {
    return false;
  }
}
