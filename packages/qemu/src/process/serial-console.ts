import type { Readable } from "node:stream";
import { abortable, tailLines } from "@ob/core";

/** How much of the console is kept in memory, in characters. */
const maxLength = 32_768;

/** Escape sequences of terminals, and control characters other than newline and tab. */
// oxlint-disable-next-line no-control-regex -- it matches control characters.
const controlSequences = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[^[]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** Text of a terminal without escape sequences and control characters other than newline and tab. */
export function stripControlSequences(text: string): string {
  return text.replaceAll(controlSequences, "");
}

/** The last part of the output of a guest's serial console. */
export class SerialConsole {
  #text = "";
  /** Where in the text patterns are looked for. */
  #start = 0;
  readonly #listeners = new Map<RegExp, () => void>();
  readonly #readers = new Set<(text: string) => void>();
  readonly #ended: Promise<void>;
  readonly #decoder = new TextDecoder();

  /** @param watch `onPanic` is called once with the line that matches `panic`. */
  constructor(
    stream: Readable,
    { panic, onPanic }: { readonly panic: RegExp; readonly onPanic: (line: string) => void },
  ) {
    let panicked = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    stream.on("data", (bytes: Uint8Array) => {
      const text = this.#decoder.decode(bytes, { stream: true });
      const all = this.#text + text;
      this.#text = all.slice(-maxLength);
      this.#start = Math.max(0, this.#start - (all.length - this.#text.length));
      for (const reader of this.#readers) reader(text);
      for (const [pattern, listener] of this.#listeners) if (pattern.test(this.#current)) listener();
      const line = panicked ? null : panic.exec(this.#text);
      // The line may still be incomplete.
      if (!line || this.#text.length === line.index + line[0].length) return;
      panicked = true;
      onPanic(stripControlSequences(line[0]).trim());
    });
    stream.on("error", () => undefined);
    stream.once("close", () => resolve());
  }

  /** Resolves when the pattern is on the console, possibly at once; rejects with the signal's reason. */
  async waitFor(pattern: RegExp, signal: AbortSignal): Promise<void> {
    if (pattern.test(this.#current)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _ = this.onMatch(pattern, resolve);
    await abortable(promise, signal);
  }

  /** Calls `listener` once when the pattern appears on the console; disposing removes it. */
  onMatch(pattern: RegExp, listener: () => void): Disposable {
    const remove = (): void => void this.#listeners.delete(pattern);
    this.#listeners.set(pattern, () => {
      remove();
      listener();
    });
    return { [Symbol.dispose]: remove };
  }

  /** The guest starts again: from now on patterns are looked for in later output only. */
  startOver(): void {
    this.#start = this.#text.length;
  }

  get #current(): string {
    return this.#text.slice(this.#start);
  }

  /** Calls `reader` with all output from now on, in pieces of any length; disposing ends that. */
  onOutput(reader: (text: string) => void): Disposable {
    this.#readers.add(reader);
    return { [Symbol.dispose]: () => void this.#readers.delete(reader) };
  }

  /** Resolves when the console is closed. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** The last lines that are not blank, without control sequences. */
  tail(lines: number): string {
    return tailLines(stripControlSequences(this.#text.replaceAll("\r\n", "\n")), lines);
  }
}
