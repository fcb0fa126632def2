import { rm } from "node:fs/promises";
import { abortable, abortReason, checkArgument, deadline, isObError, ObError } from "@ob/core";
import { type QemuExit, type QemuProcess, spawnQemu } from "../process/qemu-process.ts";
import { limitConsoleLog } from "../process/console-log.ts";
import { SerialConsole } from "../process/serial-console.ts";
import { QmpClient } from "../qmp/client.ts";
import type { QmpEvent } from "../qmp/protocol.ts";

export interface SpawnOptions {
  /** What the guest's kernel prints on the console when it panics, as a whole line. By default panics are not looked for. */
  readonly panic?: RegExp | undefined;
  /** See `SpawnQemuOptions`. */
  readonly files?: readonly number[] | undefined;
  readonly confinedBy?: readonly [string, ...string[]] | undefined;
  /** Absolute path of the file in which QEMU logs the console. It is overwritten, and kept below 2 MiB. A confined QEMU cannot make it. */
  readonly consoleLog?: string | undefined;
}

export interface ExplainOptions {
  /** How long QEMU may take to exit, in milliseconds; by default 20 s. */
  readonly within?: number | undefined;
}

/** How many lines of the console an error shows. */
const consoleLines = 12;

/**
 * A QEMU process with its monitor and the guest's console. It ends with this process, however that ends. Disposing kills
 * it.
 */
export class QemuInstance implements AsyncDisposable {
  readonly qmp: QmpClient;
  readonly console: SerialConsole;
  readonly exited: Promise<QemuExit>;
  /**
   * Fires when the guest can no longer be used, with the ObError that says why. If QEMU has shut the VM down, `data.shutdown` is its
   * reason, for example `guest-reset` of a guest that restarted.
   */
  readonly failed: AbortSignal;
  readonly #process: QemuProcess;
  readonly #failure = new AbortController();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  /** Why QEMU is about to exit, for the message. */
  #cause: string | undefined;
  /** QEMU's reason of its last `SHUTDOWN`. */
  #shutdownReason: string | undefined;
  #stopping = false;

  protected constructor(process: QemuProcess, panic: RegExp = noPanic) {
    this.#process = process;
    this.failed = this.#failure.signal;
    this.exited = process.exited;
    this.console = new SerialConsole(process.console, {
      panic,
      onPanic: (line) =>
        this.#fail("GUEST_LOST", `The guest's kernel panicked: ${line}${this.consoleParagraph()}`),
    });
    this.qmp = new QmpClient(process.qmp, (event) => this.#onQmpEvent(event));
    void this.#watchExit();
  }

  /**
   * Starts QEMU with any command line. It does not wait for the monitor (`qmp.handshake`): until then there are no events,
   * and no commands.
   *
   * @param argv of QEMU with `monitorArgs`, or of a wrapper that passes its descriptors on to QEMU and exits with it.
   * @throws ObError `MISSING_TOOL`.
   */
  static async spawn(
    argv: readonly [string, ...string[]],
    { panic, files, confinedBy, consoleLog }: SpawnOptions = {},
  ): Promise<QemuInstance> {
    checkArgument("QemuInstance.spawn: argv", argv, "array");
    if (consoleLog !== undefined && !confinedBy) await rm(consoleLog, { force: true });
    const instance = new QemuInstance(await spawnQemu(argv, { files, confinedBy }), panic);
    if (consoleLog !== undefined) limitConsoleLog(instance.console, consoleLog);
    return instance;
  }

  /** Calls `listener` with each event of QEMU's monitor, until it is disposed of. */
  onEvent(listener: (event: QmpEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /**
   * What a restart of the guest does from now on: `reset` has it start again, with `shutdown` QEMU exits.
   *
   * @throws ObError `GUEST_LOST`; the signal's reason.
   */
  async setRebootAction(action: "reset" | "shutdown", signal: AbortSignal): Promise<void> {
    await this.qmp.execute("set-action", { arguments: { reboot: action }, signal });
  }

  /** The process id of QEMU or its wrapper. */
  get pid(): number {
    return this.#process.pid;
  }

  /** The process id of QEMU itself. */
  async qemuPid(): Promise<number> {
    return await this.#process.qemuPid();
  }

  /** The last lines of QEMU's standard error until now, or empty. */
  stderrTail(): string {
    return this.#process.stderrTail();
  }

  /** Types a line on the guest's serial console. */
  sendSerialLine(line: string): void {
    this.#process.console.write(`${line}\n`);
  }

  /** From now on QEMU may exit: that is not a failure. */
  expectExit(): void {
    this.#stopping = true;
  }

  /**
   * The error that explains `error`. A lost connection is often the first sign that QEMU has exited; the reason is known
   * a moment later. If the guest runs on, that is said as soon as it is known.
   */
  async explainFailure(error: unknown, { within = exitTime }: ExplainOptions = {}): Promise<unknown> {
    using limit = deadline(within, () => error);
    const over = new AbortController();
    const signal = AbortSignal.any([this.failed, limit.signal, over.signal]);
    const runsOn = await this.guestRunsOn(signal);
    over.abort();
    if (this.failed.aborted) return abortReason(this.failed);
    if (!runsOn || !isObError(error)) return error;
    const { code, message, hint, data } = error;
    return new ObError(code, `${message} The guest runs on: it answers new connections.`, {
      ...{ cause: error, hint, data },
    });
  }

  /** Resolves with true when the guest has shown that it runs on, and with false when the signal fires. Here nothing shows it. */
  protected async guestRunsOn(signal: AbortSignal): Promise<boolean> {
    await aborted(signal);
    return false;
  }

  /** The last lines of the guest's console, as a paragraph for an error message. */
  consoleParagraph(): string {
    const tail = this.console.tail(consoleLines);
    return tail === "" ? "\nThe guest's console is empty." : `\nThe guest's console ends with:\n${tail}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    this.#process.kill();
    await this.exited;
    await this.qmp[Symbol.asyncDispose]();
  }

  #onQmpEvent(event: QmpEvent): void {
    for (const listener of this.#listeners) listener(event);
    const { data } = event;
    switch (event.name) {
      case "GUEST_PANICKED":
        this.#cause = "the guest's kernel panicked";
        return;
      case "SHUTDOWN":
        this.#shutdownReason = String(data["reason"]);
        this.#cause ??= shutdownReasons[this.#shutdownReason];
        return;
      case "RESET":
        this.console.startOver();
        return;
      case "BLOCK_IMAGE_CORRUPTED":
        this.#cause = `a disk is corrupt: ${String(data["msg"])}`;
        return;
      case "BLOCK_IO_ERROR":
        this.#diskError(data);
        return;
      default:
    }
  }

  #diskError(data: QmpEvent["data"]): void {
    if (data["nospace"] === true) {
      this.#fail("NO_SPACE", "The host's disk is full: the guest could not write to its own.");
      return;
    }
    const doing = data["operation"] === "write" ? "write to" : "read";
    const reason = this.#cause ?? String(data["reason"]);
    const disk = String(data["node-name"]);
    this.#fail(
      "GUEST_LOST",
      `QEMU could not ${doing} the disk ${disk}: ${reason}.${this.consoleParagraph()}`,
    );
  }

  /** Gives the guest up, as if it had failed with this error. */
  abandon(error: ObError): void {
    this.failWith(error);
  }

  /** The guest can no longer be used. The first reason counts. */
  protected failWith(error: ObError): void {
    this.#failure.abort(error);
  }

  #fail(code: "GUEST_LOST" | "NO_SPACE", message: string, data?: Readonly<Record<string, string>>): void {
    this.failWith(new ObError(code, message, { data }));
  }

  async #watchExit(): Promise<void> {
    const exit = await this.exited;
    if (this.#stopping) return;
    await this.console.ended();
    const cause = this.#cause === undefined ? "" : `: ${this.#cause}`;
    const stderr = exit.stderrTail === "" ? "" : `\n${exit.stderrTail}`;
    const guestConsole = stderr !== "" && this.console.tail(1) === "" ? "" : this.consoleParagraph();
    const text = `QEMU ended with ${exit.description}${cause}.${stderr}${guestConsole}`;
    const reason = this.#shutdownReason;
    this.#fail("GUEST_LOST", text, reason === undefined ? undefined : { shutdown: reason });
  }
}

/**
 * How long a guest that has closed its connections may take to exit, in milliseconds: without a PS/2 controller, a Linux kernel tries
 * several ways to restart, which takes two seconds more on an idle host.
 */
const exitTime = 20_000;

/** Matches nothing. */
const noPanic = /(?!)/;

const shutdownReasons: Readonly<Record<string, string>> = {
  "guest-shutdown": "the guest shut down",
  "guest-reset": "the guest rebooted",
  "guest-panic": "the guest's kernel panicked",
  "host-signal": "it received a signal",
  "host-error": "of an internal error",
};

async function aborted(signal: AbortSignal): Promise<void> {
  await abortable(new Promise<never>(() => undefined), signal).catch(() => undefined);
}
