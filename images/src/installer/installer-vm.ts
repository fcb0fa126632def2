import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { cancelledError, tailLines, missingTool, ObError, errnoCode } from "@ob/core";
import type { Argv } from "../disk/fakeroot.ts";

export interface InstallerVmOptions {
  /** Absolute path of the file that the guest's console is logged to. */
  readonly consoleLog: string;
  /** Console output of a failed installation. */
  readonly failures: readonly RegExp[];
}

/** What to wait for: console output, or the guest's shutdown. */
export type Milestone = RegExp | "power off";

/** The exit status of setpriv if the program does not exist. */
const cannotExecute = 127;

/** A VM that runs an installer. It is killed when this is disposed of, and when this process ends. */
export class InstallerVm implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #options: InstallerVmOptions;
  readonly #console: Console;
  #words = "";
  #failure: unknown;

  private constructor(argv: Argv, options: InstallerVmOptions) {
    const [program] = argv;
    this.#options = options;
    this.#console = new Console(options.consoleLog);
    // The kernel kills the VM when this process ends in any way; its own session shields it from Ctrl-C.
    this.#process = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv, ...consoleArgs(options)], {
      stdio: ["ignore", "ignore", "pipe"],
      detached: true,
    });
    this.#process.once("error", (error) => {
      this.#failure = errnoCode(error) === "ENOENT" ? missingTool("setpriv", error) : error;
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      this.#words = (this.#words + chunk).slice(-16_384);
    });
    this.#process.once("exit", (status) => {
      if (status === cannotExecute) this.#failure = missingTool(program);
    });
  }

  /** Starts QEMU, or a wrapper that passes the appended arguments to QEMU and exits with it. */
  static async start(argv: Argv, options: InstallerVmOptions): Promise<InstallerVm> {
    await writeFile(options.consoleLog, "");
    return new InstallerVm(argv, options);
  }

  /**
   * Waits for a milestone; console output before the previous milestone is ignored.
   *
   * @throws ObError `BASE_IMAGE` with the console's last lines if the installation fails, QEMU exits, or the signal
   *   fires with an error other than `CANCELLED`; `CANCELLED`, `MISSING_TOOL`.
   */
  async reach(milestone: Milestone, signal: AbortSignal): Promise<void> {
    for (;;) {
      const ended = this.#hasEnded();
      await this.#console.read();
      if (this.#failure !== undefined) throw this.#failure;
      const gaveUp = this.#options.failures.find((pattern) => this.#console.find(pattern));
      if (gaveUp) throw this.#problem("The installation failed");
      if (milestone !== "power off" && this.#console.pass(milestone)) return;
      if (ended) {
        if (milestone === "power off" && this.#process.exitCode === 0) return;
        throw this.#problem(`QEMU ended (${this.#howEnded()}) before the installation had`);
      }
      await sleep(100, undefined, { signal }).catch(() => {
        throw signal.reason instanceof ObError && signal.reason.code !== "CANCELLED"
          ? this.#problem("The guest had come so far")
          : cancelledError(signal);
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.pid === undefined || this.#hasEnded()) return;
    const ended = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await ended;
  }

  #hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  #howEnded(): string {
    const { exitCode, signalCode } = this.#process;
    return signalCode === null ? `exit status ${exitCode}` : signalCode;
  }

  #problem(what: string): ObError {
    const tail = tailLines(`${this.#console.text}\n${this.#words}`, 15);
    return new ObError(
      "BASE_IMAGE",
      `${what}. The end of its console:\n${tail === "" ? "(nothing)" : tail}`,
      {
        hint: `All that it said is in ${this.#options.consoleLog}.`,
      },
    );
  }
}

/** In QEMU's options a comma ends a value; two commas escape one. */
function consoleArgs({ consoleLog }: InstallerVmOptions): readonly string[] {
  const path = consoleLog.replaceAll(",", ",,");
  return ["-chardev", `file,id=console,path=${path}`, "-serial", "chardev:console"];
}

/** Terminal escape sequences for cursor movement and colours. */
// oxlint-disable-next-line no-control-regex
const escapes = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|[=>78cDEHM])|\r|\0/g;

/** Follows a console log as it grows. */
class Console {
  readonly #file: string;
  #bytes = 0;
  #raw = "";
  /** Offset after the last passed milestone. */
  #from = 0;

  constructor(file: string) {
    this.#file = file;
  }

  /** All output, without terminal escape sequences. */
  get text(): string {
    return this.#raw.replaceAll(escapes, "");
  }

  async read(): Promise<void> {
    await using handle = await open(this.#file);
    const { size } = await handle.stat();
    if (size <= this.#bytes) return;
    const chunk = Buffer.alloc(size - this.#bytes);
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, this.#bytes);
    this.#bytes += bytesRead;
    this.#raw += chunk.toString("latin1", 0, bytesRead);
  }

  find(pattern: RegExp): boolean {
    return this.#rest().search(pattern) >= 0;
  }

  /** Finds the pattern; later searches start after the match. */
  pass(pattern: RegExp): boolean {
    const match = pattern.exec(this.#rest());
    if (match === null) return false;
    this.#from += match.index + match[0].length;
    return true;
  }

  #rest(): string {
    return this.text.slice(this.#from);
  }
}
