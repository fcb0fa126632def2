import { abortable, abortReason, deadline, type Emit, isObError, ObError, throwIfAborted } from "@ob/core";
import { type LaunchedGuest, logInAgain } from "../lifecycle/launch.ts";
import type { Flushed } from "../lifecycle/shutdown.ts";
import type { GuestSession } from "../lifecycle/start-guest.ts";

/** How often the guest may restart in one step. Updates of Windows need a handful. */
const maxRestarts = 16;

export interface RestartTimes {
  /** How long a restart may take to begin after the end of the command, in milliseconds. */
  readonly toBegin: number;
  /** How long a guest must stay up after a restart until it counts as the last, in milliseconds. */
  readonly toStayUp: number;
  /**
   * A machine can be reset several times while its firmware starts again: a reset this soon after the last one belongs to the same
   * restart. In milliseconds.
   */
  readonly betweenResets: number;
}

const defaultTimes: RestartTimes = { toBegin: 10_000, toStayUp: 5_000, betweenResets: 1_000 };

export interface AllowRestartsOptions {
  /** The caller's. */
  readonly signal: AbortSignal;
  readonly emit: Emit;
  /** Owns the sessions of the guest that is back. */
  readonly stack: AsyncDisposableStack;
  readonly times?: RestartTimes;
}

/** What is new in a guest that has restarted. */
export type RestartedGuest = Pick<LaunchedGuest, "session" | "shell" | "bootInfo">;

/** The restarts of the guest of one step. Disposing stops watching for them. */
export class GuestRestarts implements Disposable {
  readonly #running: GuestSession;
  readonly #options: AllowRestartsOptions;
  readonly #times: RestartTimes;
  readonly #events: Disposable;
  #session: GuestSession["session"];
  #restart = new AbortController();
  #count = 0;
  /** When the machine was last reset, by `performance.now()`. */
  #lastReset = Number.NEGATIVE_INFINITY;
  #over = false;

  private constructor(running: GuestSession, options: AllowRestartsOptions) {
    this.#running = running;
    this.#options = options;
    this.#times = options.times ?? defaultTimes;
    this.#session = running.session;
    this.#events = running.vm.onEvent(({ name, data }) => {
      if (name === "RESET" && data["guest"] === true) this.#onReset();
    });
  }

  /**
   * From now on the guest may restart, as often as it does: its VM stays.
   *
   * @throws ObError `GUEST_LOST`; the signal's reason.
   */
  static async allow(running: GuestSession, options: AllowRestartsOptions): Promise<GuestRestarts> {
    const restarts = new GuestRestarts(running, options);
    await running.vm.setRebootAction("reset", running.signal);
    return restarts;
  }

  /** Fires with `GUEST_LOST` when the guest restarts, for work in the guest that is there now. */
  get restarted(): AbortSignal {
    return this.#restart.signal;
  }

  /**
   * Runs the step's command, which a restart may cut short. Resolves when it has succeeded and no restart began soon after, or when
   * the guest has restarted.
   *
   * @throws ObError `STEP_FAILED` of a command that failed by itself; `GUEST_LOST` if the connection was lost without a restart.
   */
  async command(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!mayBeCutShort(error) || !(await this.#begins(this.#times.toBegin))) throw error;
      return;
    }
    // A command that asks for a restart ends at once.
    await this.#begins(this.#times.toBegin);
  }

  /**
   * Does `work` in the guest once it no longer restarts; again, if it restarts meanwhile.
   *
   * @param work gets the guest that is back; undefined if it has not restarted.
   * @throws ObError what `work` throws; as `launch` for a guest that does not come back; `GUEST_LOST` after too many restarts.
   */
  async afterwards(work: (guest: RestartedGuest | undefined) => Promise<void>): Promise<void> {
    let guest: RestartedGuest | undefined;
    for (;;) {
      if (this.restarted.aborted) guest = await this.#waitForGuest();
      try {
        return await work(guest);
      } catch (error) {
        // A guest that shuts down fails in many ways before it is gone.
        if (!isObError(error) || !(await this.#begins(this.#times.toBegin))) throw error;
      }
    }
  }

  /**
   * From now on a restart ends QEMU again, as in other steps: to be called after the flush.
   *
   * @throws ObError `GUEST_LOST` if the guest has restarted, and so may have written since: it may do so again.
   */
  async forbid(state: Flushed["state"], signal: AbortSignal): Promise<void> {
    const { vm } = this.#running;
    // A guest that does not run cannot write after its restart.
    if (state === "frozen") await vm.qmp.execute("stop", { signal });
    await vm.setRebootAction("shutdown", signal);
    if (!this.restarted.aborted) {
      this.#over = true;
      return;
    }
    await vm.setRebootAction("reset", this.#running.signal);
    if (state === "frozen") await vm.qmp.execute("cont", { signal: this.#running.signal });
    throw abortReason(this.restarted);
  }

  [Symbol.dispose](): void {
    this.#events[Symbol.dispose]();
  }

  #onReset(): void {
    const sincePrevious = performance.now() - this.#lastReset;
    this.#lastReset = performance.now();
    if (sincePrevious < this.#times.betweenResets) return;
    this.#count += 1;
    this.#options.emit({ type: "log", level: "info", text: "The guest restarts." });
    this.#restart.abort(new ObError("GUEST_LOST", "The guest restarted."));
  }

  /** Waits until the guest can be used and stays up. */
  async #waitForGuest(): Promise<RestartedGuest> {
    const { vm, guest, profile, login, signal } = this.#running;
    const { emit, stack, signal: caller } = this.#options;
    for (;;) {
      if (this.#count > maxRestarts) {
        const text = `The guest restarted more than ${maxRestarts} times in this step.${vm.consoleParagraph()}`;
        throw new ObError("GUEST_LOST", text);
      }
      await this.#session[Symbol.asyncDispose]();
      this.#restart = new AbortController();
      const { restarted } = this;
      try {
        const attempt = { guest, profile, login, emit, stack, signal: AbortSignal.any([caller, restarted]) };
        const found = await logInAgain(vm, attempt);
        this.#session = found.session;
        if (await this.#begins(this.#times.toStayUp)) continue;
        emit({ type: "log", level: "info", text: "The guest is back after its restart." });
        return found;
      } catch (error) {
        if (signal.aborted || !restarted.aborted) throw notBack(error);
      }
    }
  }

  /**
   * Waits for a sign that the guest restarts; if that is the loss of the connection, also for the restart itself.
   *
   * @returns whether the guest restarts.
   * @throws ObError `GUEST_LOST` if the connection was lost and no restart follows; the signal's reason.
   */
  async #begins(within: number): Promise<boolean> {
    const { vm, login, signal } = this.#running;
    if (this.#over) return false;
    const { restarted } = this;
    const { lost } = this.#session;
    if (!(await fires(AbortSignal.any([restarted, lost]), { within, signal }))) return false;
    if (await fires(restarted, { within: login.bootTimeSeconds * 1000, signal })) return true;
    const limit = `The guest did not restart within ${login.bootTimeSeconds} s.`;
    throw new ObError("GUEST_LOST", `${abortReason(lost).message} ${limit}${vm.consoleParagraph()}`);
  }
}

/** A shutdown ends the command by a signal, of which a shell makes a status above 128, or ends the connection. */
function mayBeCutShort(error: unknown): boolean {
  if (isObError(error, "GUEST_LOST")) return true;
  return isObError(error, "STEP_FAILED") && (error.exitCode === undefined || error.exitCode > 128);
}

function notBack(error: unknown): unknown {
  if (!isObError(error)) return error;
  const { code, message, hint, data } = error;
  return new ObError(code, `After its restart the guest did not come back. ${message}`, {
    hint,
    data,
    cause: error,
  });
}

/** @returns whether `event` fires in time, in milliseconds. @throws ObError the reason of `signal`. */
async function fires(
  event: AbortSignal,
  { within, signal }: { readonly within: number; readonly signal: AbortSignal },
): Promise<boolean> {
  using limit = deadline(within, () => undefined);
  const { promise: never } = Promise.withResolvers<never>();
  await abortable(never, AbortSignal.any([event, limit.signal, signal])).catch(() => undefined);
  throwIfAborted(signal);
  return event.aborted;
}
