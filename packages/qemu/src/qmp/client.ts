import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { abortable, deadline, ObError } from "@ob/core";
import { parseQmpMessage, type QmpEvent, type QmpMessage } from "./protocol.ts";

/** How long QEMU may take to answer, in milliseconds. A few are usual, more on a busy host. */
const answerTime = 30_000;

/** A QMP client that only runs commands. */
export type Monitor = Pick<QmpClient, "execute">;

/** The longest message that QEMU may send, in bytes. Those to the commands that are used here have some thousand. */
const maxMessage = 4 * 2 ** 20;

/**
 * A connection to QEMU's monitor. Disposing closes it.
 */
export class QmpClient implements AsyncDisposable {
  readonly #stream: Duplex;
  readonly #onEvent: (event: QmpEvent) => void;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown> & { command: string }>();
  readonly #greeting = Promise.withResolvers<string>();
  readonly #closed = new AbortController();
  #lastId = 0;

  constructor(stream: Duplex, onEvent: (event: QmpEvent) => void) {
    this.#stream = stream;
    this.#onEvent = onEvent;
    // Nothing may be waiting for the greeting when it fails.
    this.#greeting.promise.catch(() => undefined);
    this.#limitMessages();
    createInterface({ input: stream, crlfDelay: Infinity })
      .on("line", (line) => this.#receive(line))
      // The close event follows.
      .on("error", () => undefined);
    stream.once("close", () =>
      this.#closed.abort(new ObError("GUEST_LOST", "QEMU closed its monitor connection.")),
    );
  }

  /** Waits for the greeting and enters command mode. @returns QEMU's version. */
  async handshake(signal: AbortSignal): Promise<string> {
    const version = await this.#wait(this.#greeting.promise, { command: "greeting", signal });
    await this.execute("qmp_capabilities", { signal });
    return version;
  }

  /**
   * Runs one command and resolves with what it returns.
   *
   * @throws ObError `TOOL_FAILED` with QEMU's description of an error; `GUEST_LOST` if QEMU has exited or does not
   *   answer; the signal's reason.
   */
  async execute(
    command: string,
    options: { readonly arguments?: Readonly<Record<string, unknown>>; readonly signal: AbortSignal },
  ): Promise<unknown> {
    const id = ++this.#lastId;
    const answer = Object.assign(Promise.withResolvers<unknown>(), { command });
    this.#pending.set(id, answer);
    const message = {
      execute: command,
      ...(options.arguments && { arguments: options.arguments }),
      id,
    };
    try {
      if (!this.#stream.destroyed) this.#stream.write(`${JSON.stringify(message)}\n`);
      return await this.#wait(answer.promise, { command, signal: options.signal });
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Runs a command of the human monitor and resolves with the text that it prints. */
  async human(line: string, signal: AbortSignal): Promise<string> {
    const answer = await this.execute("human-monitor-command", {
      arguments: { "command-line": line },
      signal,
    });
    return typeof answer === "string" ? answer : "";
  }

  // oxlint-disable-next-line require-await -- closing a socket takes no waiting.
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stream.destroy();
  }

  async #wait<T>(answer: Promise<T>, wait: { command: string; signal: AbortSignal }): Promise<T> {
    using limit = deadline(
      answerTime,
      () => new ObError("GUEST_LOST", `QEMU did not answer "${wait.command}" within ${answerTime / 1000} s.`),
    );
    return await abortable(answer, AbortSignal.any([wait.signal, this.#closed.signal, limit.signal]));
  }

  #limitMessages(): void {
    let length = 0;
    this.#stream.on("data", (bytes: Uint8Array) => {
      const end = bytes.lastIndexOf(0x0a);
      length = end < 0 ? length + bytes.length : bytes.length - end - 1;
      if (length <= maxMessage) return;
      this.#closed.abort(new ObError("GUEST_LOST", "QEMU sent a message that is too long."));
      this.#stream.destroy();
    });
  }

  #receive(line: string): void {
    const message = parseQmpMessage(line);
    if (message) this.#dispatch(message);
  }

  #dispatch(message: QmpMessage): void {
    switch (message.kind) {
      case "greeting":
        this.#greeting.resolve(message.version);
        return;
      case "event":
        this.#onEvent(message.event);
        return;
      case "return":
        this.#pending.get(message.id)?.resolve(message.value);
        return;
      case "error": {
        const answer = message.id === undefined ? undefined : this.#pending.get(message.id);
        answer?.reject(
          new ObError("TOOL_FAILED", `QEMU rejected "${answer.command}": ${message.description}`),
        );
        return;
      }
    }
  }
}
