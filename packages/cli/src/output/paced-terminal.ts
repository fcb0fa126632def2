import { Writable } from "node:stream";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Output } from "../process-io.ts";
import { outputTakenBy } from "./output-taken.ts";

/**
 * How much one turn of the event loop writes, in characters. Node.js waits until a terminal has taken what is written, and
 * a slow one takes a hundred kilobytes a second: signals, timers and guests wait for the end of the turn.
 */
const perTurn = 8_192;

/** A terminal that is written to in short turns. What is not written yet counts as the stream's buffer. */
export class PacedTerminal extends Writable {
  readonly isTTY = true;
  readonly #terminal: Output;
  #rest = "";
  #done: (() => void) | undefined;
  #room = perTurn;
  #turnEnds = false;
  readonly #taken: () => Promise<void> | undefined;

  constructor(terminal: Output) {
    super({ decodeStrings: false, defaultEncoding: "utf8" });
    this.#terminal = terminal;
    this.#taken = outputTakenBy(terminal, 0);
  }

  /** Width of the terminal, in characters. */
  get columns(): number {
    return this.#terminal.columns ?? 80;
  }

  /** Height of the terminal, in lines. */
  get rows(): number {
    return this.#terminal.rows ?? 24;
  }

  override _write(chunk: Uint8Array | string, _encoding: BufferEncoding, done: () => void): void {
    this.#rest = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    this.#done = done;
    this.#advance();
  }

  /** Writes all that waits at once. */
  flush(): void {
    this.#room = Infinity;
    this.#advance();
    this.#room = perTurn;
  }

  #advance(): void {
    const piece = startOf(this.#rest, this.#room);
    this.#rest = this.#rest.slice(piece.length);
    this.#room -= piece.length;
    if (piece !== "") this.#terminal.write(piece);
    if (!this.#turnEnds) void this.#nextTurn();
    if (this.#rest !== "") return;
    const done = this.#done;
    this.#done = undefined;
    done?.();
  }

  async #nextTurn(): Promise<void> {
    this.#turnEnds = true;
    await nextTurn();
    // Where it is a pipe.
    await this.#taken();
    this.#turnEnds = false;
    this.#room = perTurn;
    if (this.#done) this.#advance();
  }
}

/** At most so many characters of a text, and one more where that would cut a character in two. */
function startOf(text: string, length: number): string {
  const cutsPair = /[\ud800-\udbff]/.test(text.charAt(length - 1));
  return text.slice(0, Math.max(0, cutsPair ? length + 1 : length));
}
