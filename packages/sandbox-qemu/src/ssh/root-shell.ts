import type { Duplex, Readable } from "node:stream";
import { abortable, ObError } from "@ob/core";
import type { RootShellPort } from "@ob/qemu";
import { type ExecStatus, startCommand } from "./command.ts";
import type { ExecResult } from "./exec.ts";
import { newMark } from "./frame.ts";
import { ScriptOutput } from "./script-output.ts";
import type { SshSession } from "./session.ts";

export interface RootShellOptions {
  readonly signal: AbortSignal;
  /** The script's standard input; by default empty. */
  readonly input?: Uint8Array | undefined;
  /** True if the shell may still have to start, however long that takes. By default it has a minute. */
  readonly startsLater?: boolean | undefined;
}

interface StartOptions extends RootShellOptions {
  readonly waitsAfter?: string | undefined;
}

interface ExchangeOptions extends Pick<RootShellOptions, "signal" | "startsLater"> {
  readonly until: "line" | "end";
}

/** What a script has printed until it ended, or until it waits for an answer. */
export interface ScriptResult extends Omit<ExecResult, "status"> {
  readonly status: ExecStatus | { readonly kind: "waiting" };
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
  readonly #channel: Duplex;
  readonly #lost: AbortSignal;
  /** A string that no script prints. */
  readonly #mark = newMark();
  #output = this.#newOutput();
  #ended = false;
  /** True if a script has been left waiting for an answer. */
  #waits = false;
  #hasRun = false;
  #onOutput: () => void = () => undefined;

  private constructor(channel: Duplex, { errors, lost }: { errors: Readable; lost: AbortSignal }) {
    this.#channel = channel;
    this.#lost = lost;
    const collect = (name: "stdout" | "stderr") => (text: string) => {
      this.#output[name].add(text);
      this.#onOutput();
    };
    channel.setEncoding("utf8").on("data", collect("stdout"));
    errors.setEncoding("utf8").on("data", collect("stderr"));
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
    return new RootShell(channel, { errors: channel.stderr, lost: session.lost });
  }

  /** The shell that a guest's init starts on a port of its machine, now or later. @param lost fires when the VM has failed. */
  static onPort({ shell, errors }: RootShellPort, lost: AbortSignal): RootShell {
    shell.once("close", () => errors.destroy());
    return new RootShell(shell, { errors, lost });
  }

  /** Closes the shell when the signal fires. */
  endWith(signal: AbortSignal): void {
    if (signal.aborted) this.#close();
    else signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  /** False once the shell has ended: commands then need a session of their own. */
  get isOpen(): boolean {
    return !this.#ended && !this.#lost.aborted;
  }

  /**
   * True if the shell has ended after one script and before the next: the latter has not run, and may be run elsewhere. That a shell has ended
   * can be known late.
   */
  get endedBetweenScripts(): boolean {
    return this.#ended && this.#hasRun && !this.#lost.aborted && !this.#output.stdout.hasStarted;
  }

  /** True if the last script waits for an answer. */
  get isWaiting(): boolean {
    return this.#waits && this.isOpen && this.#output.stdout.code === undefined;
  }

  /**
   * Runs a script and waits for its end; one at a time. If a script is aborted, the shell is closed. The result does not
   * include what other processes print before or after the script.
   *
   * @throws ObError `GUEST_LOST` if the shell ends first, with its standard error, or does not start; the signal's reason.
   */
  async run(script: string, options: RootShellOptions): Promise<ExecResult> {
    return hasEnded(await this.#start(script, options));
  }

  /**
   * Runs a script that prints a line and then waits for another one on its standard input. Resolves once it waits, or has ended.
   * Throws as `run`.
   */
  async runUntilWaiting(
    script: string,
    { signal, waitsAfter }: Pick<RootShellOptions, "signal"> & { readonly waitsAfter: string },
  ): Promise<ScriptResult> {
    return await this.#start(script, { signal, waitsAfter });
  }

  /**
   * Gives the script that waits a line without a line feed, and waits for its end. Resolves with what it prints from then on.
   * Throws as `run`.
   */
  async answer(line: string, { signal }: Pick<RootShellOptions, "signal">): Promise<ExecResult> {
    if (!this.#waits) throw new TypeError("no script waits for an answer");
    for (const output of Object.values(this.#output)) output.forget();
    return hasEnded(await this.#exchange(`${line}\n`, { until: "end", signal }));
  }

  async #start(script: string, options: StartOptions): Promise<ScriptResult> {
    if (this.isWaiting) throw new TypeError("a script waits for an answer");
    const { waitsAfter, signal, startsLater } = options;
    this.#output = this.#newOutput(waitsAfter);
    const until = waitsAfter === undefined ? "end" : "line";
    return await this.#exchange(this.#framed(script, options), { until, signal, startsLater });
  }

  async #exchange(
    text: string,
    { until, signal, startsLater = false }: ExchangeOptions,
  ): Promise<ScriptResult> {
    const { promise, resolve, reject } = Promise.withResolvers<ScriptResult>();
    this.#onOutput = () => {
      const result = this.#result(until);
      if (result) resolve(result);
      else if (this.#ended) reject(this.#endedError());
    };
    const timer = setTimeout(() => {
      if (!startsLater && !this.#output.stdout.hasStarted) reject(this.#startTimeoutError());
    }, startTime);
    try {
      if (this.#ended) throw this.#endedError();
      this.#channel.write(text);
      const result = await abortable(promise, AbortSignal.any([signal, this.#lost]));
      this.#waits = result.status.kind === "waiting";
      this.#hasRun = true;
      return result;
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

  #newOutput(awaited?: string): { readonly stdout: ScriptOutput; readonly stderr: ScriptOutput } {
    return { stdout: new ScriptOutput(this.#mark, awaited), stderr: new ScriptOutput(this.#mark) };
  }

  /** What the shell reads for a script: marks around its output, and its status. */
  #framed(script: string, { input, waitsAfter }: StartOptions): string {
    const source = input === undefined ? "" : `printf '${octal(input)}' | `;
    const start = `printf '%s>' ${this.#mark}; printf '%s>' ${this.#mark} >&2`;
    const end = `printf '\\n%s %s\\n' ${this.#mark} "$?"; printf '\\n%s 0\\n' ${this.#mark} >&2`;
    // A script that waits reads where the shell reads: braces have it read all of this before the script starts.
    if (waitsAfter !== undefined) return `{ ${start}\n(\n${script}\n)\n${end}; }\n`;
    const from = input === undefined ? "</dev/null" : "";
    return `${start}\n${source}(\n${script}\n) ${from}\n${end}\n`;
  }

  #result(until: "line" | "end"): ScriptResult | undefined {
    const { stdout, stderr } = this.#output;
    const printed = { stdout: stdout.text, stderr: stderr.text };
    if (stdout.code === undefined && until === "line" && stdout.hasAwaited) {
      return { status: { kind: "waiting" }, ...printed };
    }
    if (stdout.code === undefined || stderr.code === undefined) return undefined;
    return { status: { kind: "exited", code: stdout.code }, ...printed };
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

function hasEnded({ status, ...printed }: ScriptResult): ExecResult {
  if (status.kind === "waiting") throw new TypeError("the script waits for an answer");
  return { ...printed, status };
}

/** Escapes for the format of printf, a builtin: the input is not shown in any process list. */
function octal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
}
