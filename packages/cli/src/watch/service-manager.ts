import { setInterval } from "node:timers";
import { type Emit, errorMessage, run } from "@ob/core";

/** How long systemd-notify may take, in milliseconds. */
const timeoutMs = 5_000;

export interface ServiceManagerOptions {
  /** The path of its socket, or `@` and an abstract name. */
  readonly socket: string;
  /** How often it is to hear that the service is alive; undefined if it does not ask for that. */
  readonly watchdogMs: number | undefined;
  readonly emit: Emit;
}

/** Tells a service manager, such as systemd, how a service is. What cannot be told is a warning, once. */
export class ServiceManager implements AsyncDisposable {
  readonly #socket: string;
  readonly #emit: Emit;
  readonly #watchdog: NodeJS.Timeout | undefined;
  #sending: Promise<void> = Promise.resolve();
  #pending = 0;
  #hasFailed = false;

  constructor({ socket, watchdogMs, emit }: ServiceManagerOptions) {
    this.#socket = socket;
    this.#emit = emit;
    if (watchdogMs === undefined) return;
    // What still waits to be sent says so as well.
    this.#watchdog = setInterval(() => this.#pending > 0 || this.#send("WATCHDOG=1"), watchdogMs / 2);
  }

  /** The service is ready. @param status a line for people. */
  ready(status: string): void {
    this.#send("READY=1", `STATUS=${status}`);
  }

  /** The service ends. */
  stopping(status: string): void {
    this.#send("STOPPING=1", `STATUS=${status}`);
  }

  /** Resolves when all was told. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#watchdog);
    await this.#sending;
  }

  #send(...lines: readonly string[]): void {
    if (this.#hasFailed) return;
    this.#pending++;
    this.#sending = this.#sending.then(async () => await this.#notify(lines));
  }

  async #notify(lines: readonly string[]): Promise<void> {
    try {
      // Node.js has no datagrams on unix sockets.
      const env = { NOTIFY_SOCKET: this.#socket };
      if (!this.#hasFailed) await run(["systemd-notify", ...lines], { timeoutMs, env });
    } catch (error) {
      this.#hasFailed = true;
      const text = `The service manager cannot be told how this worker is: ${errorMessage(error)}`;
      this.#emit({ type: "log", level: "warning", text });
    } finally {
      this.#pending--;
    }
  }
}

/** The service manager that has started this process, if it wants to be told; see sd_notify(3) and sd_watchdog_enabled(3). */
export function openServiceManager(
  env: Readonly<Record<string, string | undefined>>,
  emit: Emit,
): ServiceManager | undefined {
  const socket = env["NOTIFY_SOCKET"] ?? "";
  if (socket === "") return undefined;
  const microseconds = Number(env["WATCHDOG_USEC"] ?? "");
  const isOurs = [undefined, "", `${process.pid}`].includes(env["WATCHDOG_PID"]);
  const isWatched = isOurs && Number.isFinite(microseconds) && microseconds > 0;
  const watchdogMs = isWatched ? Math.max(1_000, microseconds / 1_000) : undefined;
  return new ServiceManager({ socket, watchdogMs, emit });
}
