import type { ClientChannel } from "ssh2";
import { ObError } from "@ob/core";
import { abortable } from "../abort.ts";
import { startCommand } from "./command.ts";
import type { ExecResult } from "./exec.ts";
import { newMark } from "./frame.ts";
import type { SshSession } from "./session.ts";

export interface RootShellOptions {
  readonly signal: AbortSignal;
  /** What the script reads on its standard input; by default nothing. */
  readonly input?: Uint8Array | undefined;
}

/** Standard input goes through the script's text: what is longer goes another way. */
export const maxInlineInput = 16_384;

/**
 * How long the shell may take to begin with a script, in milliseconds. One whose login shell waits for more input never
 * does.
 */
const startTime = 60_000;

/** Lines that a start-up file of the login shell may read before our own. */
const spareLines = "\n".repeat(8);

/**
 * A shell of Bourne's family in the guest that is held open and runs one script after the other, each in a shell of its
 * own. It saves what a command of its own costs: a login shell, and sudo. Whatever must run while the guest's file
 * systems are frozen runs here: it needs nothing to be written. Disposing closes it.
 */
export class RootShell implements AsyncDisposable {
  readonly #channel: ClientChannel;
  readonly #lost: AbortSignal;
  /** Nothing that a script prints. */
  readonly #mark = newMark();
  readonly #output = { stdout: "", stderr: "" };
  #ended = false;
  #onOutput: () => void = () => undefined;

  private constructor(channel: ClientChannel, lost: AbortSignal) {
    this.#channel = channel;
    this.#lost = lost;
    const collect = (name: "stdout" | "stderr") => (text: string) => {
      this.#output[name] += text;
      this.#onOutput();
    };
    channel.setEncoding("utf8").on("data", collect("stdout"));
    channel.stderr.setEncoding("utf8").on("data", collect("stderr"));
    channel.on("error", () => undefined);
    const end = (): void => {
      this.#ended = true;
      this.#onOutput();
    };
    channel.once("end", end).once("close", end);
  }

  /**
   * Starts a shell that reads commands from its standard input.
   *
   * @throws ObError `GUEST_LOST`; the signal's reason. Whether the shell has started is known by its first script.
   */
  static async open(session: SshSession, command: string, signal: AbortSignal): Promise<RootShell> {
    const { channel } = await abortable(
      startCommand(session, command),
      AbortSignal.any([signal, session.lost]),
    );
    channel.write(spareLines);
    return new RootShell(channel, session.lost);
  }

  /** False once the shell has ended: whoever needs one takes another way. */
  get isOpen(): boolean {
    return !this.#ended && !this.#lost.aborted;
  }

  /**
   * Runs a script and waits for its end. One at a time. A script that is given up takes the shell with it. What others
   * have printed before or after it is left out.
   *
   * @throws ObError `GUEST_LOST` if the shell ends first, with what it said, or does not begin; the signal's reason.
   */
  async run(script: string, { signal, input }: RootShellOptions): Promise<ExecResult> {
    this.#output.stdout = "";
    this.#output.stderr = "";
    const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
    this.#onOutput = () => {
      const result = this.#result();
      if (result) resolve(result);
      else if (this.#ended) reject(this.#endedError());
    };
    const timer = setTimeout(() => {
      if (!this.#output.stdout.includes(this.#start)) reject(this.#silentError());
    }, startTime);
    try {
      if (this.#ended) throw this.#endedError();
      this.#channel.write(this.#framed(script, input));
      return await abortable(promise, AbortSignal.any([signal, this.#lost]));
    } catch (error) {
      this.#close();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#onOutput = () => undefined;
    }
  }

  // oxlint-disable-next-line require-await -- closing a channel takes no waiting.
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }

  get #start(): string {
    return `${this.#mark}>`;
  }

  /** All that the shell reads for a script: marks around what it prints, and its status. */
  #framed(script: string, input: Uint8Array | undefined): string {
    const source = input === undefined ? "" : `printf '${octal(input)}' | `;
    const from = input === undefined ? "</dev/null" : "";
    const start = `printf '%s>' ${this.#mark}; printf '%s>' ${this.#mark} >&2`;
    const end = `printf '\\n%s %s\\n' ${this.#mark} "$?"; printf '\\n%s 0\\n' ${this.#mark} >&2`;
    return `${start}\n${source}(\n${script}\n) ${from}\n${end}\n`;
  }

  #result(): ExecResult | undefined {
    const stdout = this.#inFrame(this.#output.stdout);
    const stderr = this.#inFrame(this.#output.stderr);
    if (!stdout || !stderr) return undefined;
    return { status: { kind: "exited", code: stdout.code }, stdout: stdout.text, stderr: stderr.text };
  }

  #inFrame(output: string): { readonly text: string; readonly code: number } | undefined {
    const start = output.indexOf(this.#start) + this.#start.length;
    const end = output.indexOf(`\n${this.#mark} `, start);
    const after = output.slice(end + this.#mark.length + 2);
    if (start < this.#start.length || end < 0 || !after.includes("\n")) return undefined;
    return { text: output.slice(start, end), code: Number.parseInt(after, 10) };
  }

  #silentError(): ObError {
    return new ObError(
      "GUEST_LOST",
      `The superuser's shell in the guest did not begin within ${startTime / 1000} s.`,
    );
  }

  #endedError(): ObError {
    const said = this.#output.stderr.trim();
    return new ObError(
      "GUEST_LOST",
      `The superuser's shell in the guest ended${said === "" ? "." : `: ${said}`}`,
    );
  }

  #close(): void {
    this.#ended = true;
    this.#channel.destroy();
  }
}

/** For printf's format: it is a builtin, so that no list of processes shows it. */
function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
