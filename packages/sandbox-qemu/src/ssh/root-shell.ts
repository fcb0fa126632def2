import type { ClientChannel } from "ssh2";
import { abortable, ObError } from "@ob/core";
import { startCommand } from "./command.ts";
import type { ExecResult } from "./exec.ts";
import { newMark } from "./frame.ts";
import { ScriptOutput } from "./script-output.ts";
import type { SshSession } from "./session.ts";

export interface RootShellOptions {
  readonly signal: AbortSignal;
  /** The script's standard input; by default empty. */
  readonly input?: Uint8Array | undefined;
}

/** The longest input, in bytes: it is part of the script's text. */
export const maxInlineInput = 16_384;

/**
 * How long the shell may take to start a script, in milliseconds. If the login shell waits for more input it never does.
 */
const startTime = 60_000;

/** Lines that a start-up file of the login shell may read before the first script. */
const spareLines = "\n".repeat(8);

/**
 * A persistent root shell in the guest, of the Bourne family. It runs one script after the other, each in a subshell. This
 * saves a login shell and sudo for each command, and also works while the guest's file systems are frozen, since nothing
 * has to be written. Of the output of each script the last part is kept. Disposing closes it.
 */
export class RootShell implements AsyncDisposable {
  readonly #channel: ClientChannel;
  readonly #lost: AbortSignal;
  /** A string that no script prints. */
  readonly #mark = newMark();
  #output = this.#newOutput();
  #ended = false;
  #onOutput: () => void = () => undefined;

  private constructor(channel: ClientChannel, lost: AbortSignal) {
    this.#channel = channel;
    this.#lost = lost;
    const collect = (name: "stdout" | "stderr") => (text: string) => {
      this.#output[name].add(text);
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
   * @throws ObError `GUEST_LOST`; the signal's reason. Whether the shell really starts is known after its first script.
   */
  static async open(session: SshSession, command: string, signal: AbortSignal): Promise<RootShell> {
    const { channel } = await abortable(
      startCommand(session, command),
      AbortSignal.any([signal, session.lost]),
    );
    channel.write(spareLines);
    return new RootShell(channel, session.lost);
  }

  /** False once the shell has ended: commands then need a session of their own. */
  get isOpen(): boolean {
    return !this.#ended && !this.#lost.aborted;
  }

  /**
   * Runs a script and waits for its end; one at a time. If a script is aborted, the shell is closed. The result does not
   * include what other processes print before or after the script.
   *
   * @throws ObError `GUEST_LOST` if the shell ends first, with its standard error, or does not start; the signal's reason.
   */
  async run(script: string, { signal, input }: RootShellOptions): Promise<ExecResult> {
    this.#output = this.#newOutput();
    const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
    this.#onOutput = () => {
      const result = this.#result();
      if (result) resolve(result);
      else if (this.#ended) reject(this.#endedError());
    };
    const timer = setTimeout(() => {
      if (!this.#output.stdout.hasStarted) reject(this.#startTimeoutError());
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

  #newOutput(): { readonly stdout: ScriptOutput; readonly stderr: ScriptOutput } {
    return { stdout: new ScriptOutput(this.#mark), stderr: new ScriptOutput(this.#mark) };
  }

  /** What the shell reads for a script: marks around its output, and its status. */
  #framed(script: string, input: Uint8Array | undefined): string {
    const source = input === undefined ? "" : `printf '${octal(input)}' | `;
    const from = input === undefined ? "</dev/null" : "";
    const start = `printf '%s>' ${this.#mark}; printf '%s>' ${this.#mark} >&2`;
    const end = `printf '\\n%s %s\\n' ${this.#mark} "$?"; printf '\\n%s 0\\n' ${this.#mark} >&2`;
    return `${start}\n${source}(\n${script}\n) ${from}\n${end}\n`;
  }

  #result(): ExecResult | undefined {
    const { stdout, stderr } = this.#output;
    if (stdout.code === undefined || stderr.code === undefined) return undefined;
    return { status: { kind: "exited", code: stdout.code }, stdout: stdout.text, stderr: stderr.text };
  }

  #startTimeoutError(): ObError {
    return new ObError(
      "GUEST_LOST",
      `The root shell in the guest did not start within ${startTime / 1000} s.`,
    );
  }

  #endedError(): ObError {
    const said = this.#output.stderr.text.trim();
    return new ObError("GUEST_LOST", `The root shell in the guest ended${said === "" ? "." : `: ${said}`}`);
  }

  #close(): void {
    this.#ended = true;
    this.#channel.destroy();
  }
}

/** Escapes for the format of printf, a builtin: the input is not shown in any process list. */
function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
