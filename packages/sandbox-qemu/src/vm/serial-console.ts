import type { Readable } from "node:stream";
import { lastLines } from "@ob/core";
import { abortable } from "../abort.ts";

/** How much of the console is kept in memory, in characters. */
const kept = 32_768;

/** Escape sequences of terminals, and control characters other than newline and tab. */
// oxlint-disable-next-line no-control-regex -- they are what it looks for.
const noise = /\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b[^[]|[\x00-\x08\x0b-\x1f\x7f]/g;

/** The last part of what a guest says on its serial line. */
export class SerialConsole {
  #text = "";
  readonly #awaited = new Map<RegExp, () => void>();
  readonly #ended: Promise<void>;
  readonly #decoder = new TextDecoder();

  /** @param watch what the guest's kernel says when it gives up, and who is told the line, once. */
  constructor(
    stream: Readable,
    { panic, onPanic }: { readonly panic: RegExp; readonly onPanic: (line: string) => void },
  ) {
    let panicked = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended = promise;
    stream.on("data", (bytes: Uint8Array) => {
      this.#text = (this.#text + this.#decoder.decode(bytes, { stream: true })).slice(-kept);
      for (const [pattern, seen] of this.#awaited) if (pattern.test(this.#text)) seen();
      const line = panicked ? null : panic.exec(this.#text);
      // A line that is still being written can wait for its end.
      if (!line || this.#text.length === line.index + line[0].length) return;
      panicked = true;
      onPanic(line[0].replaceAll(noise, "").trim());
    });
    stream.on("error", () => undefined);
    stream.once("close", () => resolve());
  }

  /** Resolves when the pattern is on the console, which it may be already; rejects with the signal's reason. */
  async waitFor(pattern: RegExp, signal: AbortSignal): Promise<void> {
    if (pattern.test(this.#text)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _ = this.onMatch(pattern, resolve);
    await abortable(promise, signal);
  }

  /** Calls `seen` once when the pattern comes to be on the console; disposing ends the wait. */
  onMatch(pattern: RegExp, seen: () => void): Disposable {
    const forget = (): void => void this.#awaited.delete(pattern);
    this.#awaited.set(pattern, () => {
      forget();
      seen();
    });
    return { [Symbol.dispose]: forget };
  }

  /** Resolves when the guest can say nothing more. */
  async ended(): Promise<void> {
    await this.#ended;
  }

  /** The last lines that are not blank, without escape sequences. */
  tail(lines: number): string {
    return lastLines(this.#text.replaceAll("\r\n", "\n").replaceAll(noise, ""), lines);
  }
}
