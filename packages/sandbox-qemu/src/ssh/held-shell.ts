import { randomBytes } from "node:crypto";
import type { ClientChannel } from "ssh2";
import { ObError } from "@ob/core";
import { abortable } from "../abort.ts";
import { type ExecResult, startCommand } from "./exec.ts";
import type { SshSession } from "./session.ts";

export interface HeldRunOptions {
  readonly signal: AbortSignal;
  /** What the script reads on its standard input; by default nothing. */
  readonly input?: Uint8Array | undefined;
}

/** Standard input goes through the script's text: what is longer goes another way. */
export const longestInput = 16_384;

/**
 * A shell of Bourne's family in the guest that is held open and runs one script after the other, each in a shell of its
 * own. It saves what a command of its own costs: a login shell, and sudo. Whatever must run while the guest's file
 * systems are frozen runs here: it needs nothing to be written. Disposing closes it.
 */
export class HeldShell implements AsyncDisposable {
  readonly #channel: ClientChannel;
  readonly #lost: AbortSignal;
  /** A line that no script prints. */
  readonly #mark = `obuilder-${randomBytes(12).toString("hex")}`;
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
  static async open(session: SshSession, command: string, signal: AbortSignal): Promise<HeldShell> {
    const { channel, ended } = await abortable(
      startCommand(session, command),
      AbortSignal.any([signal, session.lost]),
    );
    ended.catch(() => undefined);
    return new HeldShell(channel, session.lost);
  }

  /** False once the shell has ended: whoever needs one takes another way. */
  get isOpen(): boolean {
    return !this.#ended && !this.#lost.aborted;
  }

  /**
   * Runs a script and waits for its end. One at a time. A script that is given up takes the shell with it.
   *
   * @throws ObError `GUEST_LOST` if the shell ends first, with what it said; the signal's reason.
   */
  async run(script: string, { signal, input }: HeldRunOptions): Promise<ExecResult> {
    this.#output.stdout = "";
    this.#output.stderr = "";
    const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
    this.#onOutput = () => {
      const result = this.#result();
      if (result) resolve(result);
      else if (this.#ended) reject(this.#endedError());
    };
    const source = input === undefined ? "" : `printf '${octal(input)}' | `;
    const from = input === undefined ? "</dev/null" : "";
    const line = `${source}(\n${script}\n) ${from}\nprintf '\\n%s %s\\n' ${this.#mark} "$?"; printf '\\n%s\\n' ${this.#mark} >&2\n`;
    try {
      if (this.#ended) throw this.#endedError();
      this.#channel.write(line);
      return await abortable(promise, AbortSignal.any([signal, this.#lost]));
    } catch (error) {
      this.#close();
      throw error;
    } finally {
      this.#onOutput = () => undefined;
    }
  }

  // oxlint-disable-next-line require-await -- closing a channel takes no waiting.
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close();
  }

  #result(): ExecResult | undefined {
    const { stdout, stderr } = this.#output;
    const end = stdout.lastIndexOf(`\n${this.#mark} `);
    const errorsEnd = stderr.lastIndexOf(`\n${this.#mark}\n`);
    if (end < 0 || errorsEnd < 0 || !stdout.endsWith("\n")) return undefined;
    const code = Number.parseInt(stdout.slice(end + this.#mark.length + 2), 10);
    return {
      status: { kind: "exited", code },
      stdout: stdout.slice(0, end),
      stderr: stderr.slice(0, errorsEnd),
    };
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
