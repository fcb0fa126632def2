import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { tailLines, missingTool, ObError, errnoCode, throwIfCancelled } from "@ob/core";
import type { Argv } from "../disk/fakeroot.ts";

export interface BootCheckOptions {
  /** Absolute path of the file that QEMU writes the guest's console to. */
  readonly console: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * A VM that verifies that an image boots. QEMU reads monitor commands from standard input, and is stopped when this
 * is disposed of.
 */
export class BootCheck implements AsyncDisposable {
  readonly #qemu: ChildProcess;
  readonly #options: BootCheckOptions;
  #monitor = "";
  #errors = "";
  #failure: Error | undefined;

  private constructor(argv: Argv, options: BootCheckOptions) {
    const [program, ...args] = argv;
    this.#options = options;
    this.#qemu = spawn(program, args, { stdio: "pipe" });
    this.#qemu.once("error", (error) => {
      this.#failure = errnoCode(error) === "ENOENT" ? missingTool(program, error) : error;
    });
    this.#qemu.stdin?.on("error", () => undefined);
    this.#qemu.stdout?.on("data", (bytes: Buffer) => (this.#monitor += bytes.toString()));
    this.#qemu.stderr?.on("data", (bytes: Buffer) => (this.#errors += bytes.toString()));
  }

  /** Starts QEMU; `argv` must hold `-monitor stdio`. */
  static start(argv: Argv, options: BootCheckOptions): BootCheck {
    return new BootCheck(argv, options);
  }

  /** Waits for a line of the console that contains `text`. @throws ObError `BASE_IMAGE` with the console's tail. */
  async waitForConsole(text: string, seconds: number): Promise<void> {
    await this.#poll(`its console says "${text}"`, seconds, async () =>
      (await this.#console()).includes(text),
    );
  }

  /** The port of 127.0.0.1 that is forwarded to the guest's port 22. */
  async sshPort(): Promise<number> {
    this.#qemu.stdin?.write("info usernet\n");
    let port: number | undefined;
    await this.#poll("QEMU says where it listens", 10, async () => {
      const match = /HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s/.exec(this.#monitor);
      if (match) port = Number(match[1]);
      return port !== undefined;
    });
    return port ?? 0;
  }

  /** Requests an ACPI shutdown and waits until the guest has shut down. */
  async powerDown(seconds: number): Promise<void> {
    this.#qemu.stdin?.write("system_powerdown\n");
    await this.ended(seconds);
  }

  /** Waits until the guest has shut down by itself. */
  async ended(seconds: number): Promise<void> {
    await this.#poll("it switches itself off", seconds, async () => this.#hasEnded());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasEnded() || this.#qemu.pid === undefined) return;
    const ended = once(this.#qemu, "exit");
    this.#qemu.kill("SIGKILL");
    await ended;
  }

  #hasEnded(): boolean {
    return this.#qemu.exitCode !== null || this.#qemu.signalCode !== null;
  }

  async #poll(until: string, seconds: number, done: () => Promise<boolean>): Promise<void> {
    const deadline = performance.now() + seconds * 1_000;
    while (!(await done())) {
      throwIfCancelled(this.#options.signal);
      if (this.#failure) throw this.#failure;
      if (this.#hasEnded()) throw await this.#problem(`QEMU ended before ${until}`);
      if (performance.now() > deadline) throw await this.#problem(`${seconds} s went by before ${until}`);
      await sleep(50);
    }
  }

  async #problem(what: string): Promise<ObError> {
    const tail = tailLines(`${await this.#console()}\n${this.#errors}`, 12);
    return new ObError("BASE_IMAGE", `The new image does not work. ${what}:\n${tail}`);
  }

  async #console(): Promise<string> {
    try {
      return await readFile(this.#options.console, "utf8");
    } catch (error) {
      if (errnoCode(error) === "ENOENT") return "";
      throw error;
    }
  }
}
