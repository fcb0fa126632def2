import { abortable, abortReason, deadline, type Emit, isObError, ObError } from "@ob/core";
import { qemuArgv, firmwareOptions, type VmConfig } from "../machine/qemu-argv.ts";
import { SerialConsole } from "./serial-console.ts";
import { assertFirmware } from "../machine/firmware.ts";
import { type QemuExit, type QemuProcess, spawnQemu } from "./qemu-process.ts";
import { QmpClient } from "../qmp/client.ts";
import type { QmpEvent } from "../qmp/protocol.ts";
import { newMachineId } from "./machine-id.ts";
import { createRunDirectory, type RunDirectory } from "./run-directory.ts";

export interface StartOptions {
  readonly stateDirectory: string;
  /** What the guest's kernel prints on the console when it panics. */
  readonly panic: RegExp;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** To resume a snapshot: open descriptors of its device state and of its memory. */
  readonly saved?: { readonly state: number; readonly memory: number } | undefined;
}

interface VmParts {
  readonly config: VmConfig;
  readonly directory: RunDirectory;
  readonly machineId: string;
  readonly panic: RegExp;
}

/** How many lines of the console an error shows. */
const consoleLines = 12;

/**
 * A running VM. Disposing kills QEMU and removes its files on the host.
 */
export class Vm implements AsyncDisposable {
  readonly config: VmConfig;
  /** See `newMachineId`. */
  readonly id: string;
  readonly qmp: QmpClient;
  readonly console: SerialConsole;
  readonly exited: Promise<QemuExit>;
  /** Fires when the guest can no longer be used, with the ObError that says why. */
  readonly failed: AbortSignal;
  readonly #process: QemuProcess;
  readonly #directory: RunDirectory;
  readonly #failure = new AbortController();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  /** Why QEMU is about to exit, for the message. */
  #cause: string | undefined;
  #stopping = false;
  #sshPort = 0;

  private constructor(process: QemuProcess, { config, directory, machineId, panic }: VmParts) {
    this.config = config;
    this.id = machineId;
    this.#process = process;
    this.#directory = directory;
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
   * Starts QEMU and waits until its monitor answers.
   *
   * @throws ObError `MISSING_TOOL`; `BOOT_FAILED` with QEMU's own message; the signal's reason.
   */
  static async start(config: VmConfig, options: StartOptions): Promise<Vm> {
    const { signal, emit } = options;
    await assertFirmware(config.machine, firmwareOptions(config));
    await using stack = new AsyncDisposableStack();
    const directory = stack.use(await createRunDirectory(options.stateDirectory));
    const machineId = newMachineId();
    const argv = qemuArgv(config, { consoleLog: directory.consoleLog, machineId });
    emit({ type: "exec", argv });
    const files = options.saved ? [options.saved.state, options.saved.memory] : [];
    const qemu = await spawnQemu(argv, files);
    const vm = stack.use(new Vm(qemu, { config, directory, machineId, panic: options.panic }));
    await directory.recordQemu(vm.#process.pid);
    try {
      await vm.qmp.handshake(AbortSignal.any([signal, vm.failed]));
      vm.#sshPort = forwardedPort(await vm.qmp.human("info usernet", vm.failed));
    } catch (error) {
      throw signal.aborted ? abortReason(signal) : asBootFailure(await vm.explainFailure(error));
    }
    stack.move();
    return vm;
  }

  /** The port on 127.0.0.1 that leads to the guest's SSH server. */
  get sshPort(): number {
    return this.#sshPort;
  }

  /** Calls `listener` with each event of QEMU's monitor, until it is disposed of. */
  onEvent(listener: (event: QmpEvent) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** QEMU's process id. */
  get pid(): number {
    return this.#process.pid;
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
   * a moment later.
   */
  async explainFailure(error: unknown): Promise<unknown> {
    using limit = deadline(2_000, () => error);
    await aborted(AbortSignal.any([this.failed, limit.signal]));
    return this.failed.aborted ? abortReason(this.failed) : error;
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
    await this.#directory[Symbol.asyncDispose]();
  }

  #onQmpEvent(event: QmpEvent): void {
    for (const listener of this.#listeners) listener(event);
    const { data } = event;
    switch (event.name) {
      case "GUEST_PANICKED":
        this.#cause = "the guest's kernel panicked";
        return;
      case "SHUTDOWN":
        this.#cause ??= shutdownReasons[String(data["reason"])];
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
      this.#fail("NO_SPACE", "The host's disk is full: the guest could not write to its own.", {
        hint: "Free some space.",
      });
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

  #fail(code: "GUEST_LOST" | "NO_SPACE", message: string, options: { hint?: string } = {}): void {
    this.#failure.abort(new ObError(code, message, options));
  }

  async #watchExit(): Promise<void> {
    const exit = await this.exited;
    if (this.#stopping) return;
    await this.console.ended();
    const cause = this.#cause === undefined ? "" : `: ${this.#cause}`;
    const stderr = exit.stderrTail === "" ? "" : `\n${exit.stderrTail}`;
    const guestConsole = stderr !== "" && this.console.tail(1) === "" ? "" : this.consoleParagraph();
    this.#fail("GUEST_LOST", `QEMU ended with ${exit.description}${cause}.${stderr}${guestConsole}`);
  }
}

/** A guest that is lost before it is ready has failed to boot. */
export function asBootFailure(error: unknown): unknown {
  if (!isObError(error, "GUEST_LOST")) return error;
  return new ObError("BOOT_FAILED", `The guest did not start. ${error.message}`, { cause: error });
}

const shutdownReasons: Readonly<Record<string, string>> = {
  "guest-shutdown": "the guest shut down",
  "guest-reset": "the guest rebooted",
  "guest-panic": "the guest's kernel panicked",
  "host-signal": "it received a signal",
  "host-error": "of an internal error",
};

/** The host's port in a line such as `TCP[HOST_FORWARD]  11  127.0.0.1 42313  10.0.2.15  22  0  0`. */
function forwardedPort(usernet: string): number {
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+22\s/.exec(usernet)?.[1];
  if (port === undefined) {
    throw new ObError("BOOT_FAILED", `QEMU does not say which port leads to the guest:\n${usernet}`);
  }
  return Number(port);
}

async function aborted(signal: AbortSignal): Promise<void> {
  await abortable(new Promise<never>(() => undefined), signal).catch(() => undefined);
}
