import type { Readable } from "node:stream";
import { abortable, tailLines, TailText } from "@ob/core";

/** How much of the console is kept in memory, in characters. */
const maxLength = 32_768;

/** How much of a line that has no end is looked at again when more of it comes, in characters. */
const maxLine = 4_096;

/** Escape sequences of terminals, and control characters other than newline and tab. */
// oxlint-disable-next-line no-control-regex -- it matches control characters.
const controlSequences = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[^[]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** Text of a terminal without escape sequences and control characters other than newline and tab. */
export function stripControlSequences(text: string): string {
  return text.replaceAll(controlSequences, "");
}

/** The last part of the output of a guest's serial console. */
export class SerialConsole {
  readonly #text = new TailText(maxLength);
  /** What was printed since the guest started for the last time. */
  #current = new TailText(maxLength);
  /** The last line, while it has no end. */
  #line = "";
  readonly #listeners = new Map<RegExp, (text: string) => void>();
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
      this.#text.add(text);
      this.#current.add(text);
      for (const reader of this.#readers) reader(text);
      // Lines that were looked at are not looked at again: a guest can print without end.
      const fresh = this.#line + text;
      this.#line = fresh.slice(fresh.lastIndexOf("\n") + 1).slice(-maxLine);
      for (const listener of this.#listeners.values()) listener(fresh);
      const line = panicked ? null : panic.exec(fresh);
      // The line may still be incomplete.
      if (!line || fresh.length === line.index + line[0].length) return;
      panicked = true;
      onPanic(stripControlSequences(line[0]).trim());
    });
    stream.on("error", () => undefined);
    stream.once("close", () => resolve());
  }

  /** Resolves when the pattern is on the console, possibly at once; rejects with the signal's reason. */
  async waitFor(pattern: RegExp, signal: AbortSignal): Promise<void> {
    if (pattern.test(this.#current.text)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _ = this.onMatch(pattern, resolve);
    await abortable(promise, signal);
  }

  /** Calls `listener` once when something is printed and the pattern is in it, or in what was printed before; disposing removes it. */
  onMatch(pattern: RegExp, listener: () => void): Disposable {
    const remove = (): void => void this.#listeners.delete(pattern);
    const start = this.#current;
    const printed = start.text;
    let known = printed.slice(0, Math.max(0, printed.length - this.#line.length));
    this.#listeners.set(pattern, (text) => {
      const found = pattern.test(start === this.#current ? known + text : text);
      known = "";
      if (!found) return;
      remove();
      listener();
    });
    return { [Symbol.dispose]: remove };
  }

  /** The guest starts again: from now on patterns are looked for in later output only. */
  startOver(): void {
    this.#current = new TailText(maxLength);
    this.#line = "";
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
    return tailLines(stripControlSequences(this.#text.text.replaceAll("\r\n", "\n")), lines);
  }
}
