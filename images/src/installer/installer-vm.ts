import { setTimeout as sleep } from "node:timers/promises";
import { abortReason, cancelledError, ObError } from "@ob/core";
import { type QemuExit, QemuInstance, stripControlSequences } from "@ob/qemu";
import type { Argv } from "../disk/fakeroot.ts";
import { type ConfineInstaller, confinedInstaller } from "./confined-installer.ts";

export interface InstallerVmOptions extends ConfineInstaller {
  /** Console output of a failed installation. */
  readonly failures: readonly RegExp[];
}

/** What to wait for: console output, or the guest's shutdown. */
export type Milestone = RegExp | "power off";

/** How many lines of the console an error shows. */
const consoleLines = 15;

/** A VM that runs an installer. It is killed when this is disposed of, and when this process ends. */
export class InstallerVm implements AsyncDisposable {
  readonly #qemu: QemuInstance;
  readonly #options: InstallerVmOptions;
  readonly #output: RecentOutput;
  readonly #confined: AsyncDisposable;
  #exit: QemuExit | undefined;

  private constructor(qemu: QemuInstance, options: InstallerVmOptions, confined: AsyncDisposable) {
    this.#qemu = qemu;
    this.#confined = confined;
    this.#options = options;
    this.#output = new RecentOutput();
    qemu.console.onOutput((text) => this.#output.add(text));
    // An installation ends with it.
    qemu.expectExit();
    // From then on the monitor reports that the host's disk is full. An exit is noticed anyway.
    qemu.qmp.handshake(qemu.failed).catch(() => undefined);
    void this.#watchExit();
  }

  /** Starts QEMU, or a wrapper that passes the appended arguments and its descriptors on to QEMU and exits with it. */
  static async start(argv: Argv, options: InstallerVmOptions): Promise<InstallerVm> {
    const { consoleLog } = options;
    await using stack = new AsyncDisposableStack();
    const confined = stack.use(await confinedInstaller(argv, options));
    const qemu = await QemuInstance.spawn(confined.argv, { consoleLog, confinedBy: confined.confinedBy });
    const owned = stack.move();
    return new InstallerVm(qemu, options, owned);
  }

  /**
   * Waits for a milestone; console output before the previous milestone is ignored.
   *
   * @throws ObError `BASE_IMAGE` with the console's last lines if the installation fails, QEMU exits, or the signal
   *   fires with an error other than `CANCELLED`; `NO_SPACE`, `CANCELLED`.
   */
  async reach(milestone: Milestone, signal: AbortSignal): Promise<void> {
    for (;;) {
      const exit = this.#exit;
      const output = this.#output.read();
      if (this.#options.failures.some((pattern) => output.search(pattern) >= 0)) {
        throw this.#problem("The installation failed");
      }
      if (milestone !== "power off" && this.#output.pass(milestone)) return;
      if (exit) {
        if (milestone === "power off" && exit.clean) return;
        throw this.#problem(`QEMU ended (${exit.description}) before the installation was complete`);
      }
      if (this.#qemu.failed.aborted) throw abortReason(this.#qemu.failed);
      await sleep(100, undefined, { signal }).catch(() => {
        throw signal.reason instanceof ObError && signal.reason.code !== "CANCELLED"
          ? this.#problem("The installation was stopped")
          : cancelledError(signal);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#qemu[Symbol.asyncDispose]();
    await this.#confined[Symbol.asyncDispose]();
  }

  /** All of the console has been read when the exit is known. */
  async #watchExit(): Promise<void> {
    const exit = await this.#qemu.exited;
    await this.#qemu.console.ended();
    this.#exit = exit;
  }

  #problem(what: string): ObError {
    const said = [this.#qemu.console.tail(consoleLines), this.#qemu.stderrTail()].filter(Boolean).join("\n");
    return new ObError(
      "BASE_IMAGE",
      `${what}. The end of its console:\n${said === "" ? "(nothing)" : said}`,
      { hint: `More of its console is in ${this.#options.consoleLog}.` },
    );
  }
}

/** How much of the output is searched, in characters: enough for what a guest prints between two looks. */
const maxRecent = 262_144;

/** The console's output since the last milestone. */
class RecentOutput {
  #raw = "";

  add(text: string): void {
    this.#raw = (this.#raw + text).slice(-maxRecent);
  }

  /** Without the control sequences of terminals. */
  read(): string {
    return stripControlSequences(this.#raw);
  }

  /** Finds the pattern; later output starts after the match. */
  pass(pattern: RegExp): boolean {
    const text = this.read();
    const match = pattern.exec(text);
    if (match === null) return false;
    this.#raw = text.slice(match.index + match[0].length);
    return true;
  }
}
