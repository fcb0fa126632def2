import { orCancelled } from "../../abort.ts";
import { isObError, ObError, throwIfCancelled } from "../../errors.ts";
import { noopEmit } from "../../events.ts";
import type { GuestDescription } from "../../ports/guest-description.ts";
import type {
  EphemeralGuest,
  EphemeralGuestOptions,
  EphemeralGuestRequest,
} from "../../ports/ephemeral-guest.ts";
import type { ExecRequest, GuestImage, GuestOwner, GuestUser } from "../../ports/guest.ts";
import { type FakeGuest, openFakeGuest } from "./fake-guest.ts";
import type { CopyTask, Sandbox, SandboxRunOptions, SandboxStep, StepSession } from "../../ports/sandbox.ts";
import type { RunTask } from "../../ports/run-task.ts";

/** A step, as the function that simulates it gets it. */
export interface FakeStep<Task extends RunTask | CopyTask = RunTask | CopyTask> extends SandboxStep {
  readonly task: Task;
  /** Fires when the step is cancelled. */
  readonly signal: AbortSignal;
  /** Writes to the command's output. */
  readonly output: (text: string | Uint8Array) => void;
}

export interface FakeSandboxOptions {
  /**
   * Simulates a `run` step: what it throws is the step's error, a number other than 0 is the command's exit status.
   * By default the command is echoed.
   */
  readonly run?: (step: FakeStep<RunTask>) => void | number | Promise<void | number>;
  /** Simulates a `copy` step. By default the archive is read to its end. */
  readonly copy?: (step: FakeStep<CopyTask>) => void | Promise<void>;
  /** Simulates ephemeral guests, and the guest of a failed step. */
  readonly ephemeralGuest?: FakeGuest;
  /** What every guest is, unless its manifest says otherwise; by default Linux on amd64. */
  readonly guest?: Partial<GuestDescription>;
  /** See `Sandbox.distinctTargets`. */
  readonly distinctTargets?: boolean;
}

const linuxGuest: GuestDescription = {
  os: "linux",
  arch: "amd64",
  cacheFileSystem: "ext4",
  copyTarget: (destination) => destination,
  copySource: (path) => path,
};

/** A sandbox without a machine: functions simulate the guest. It records every step and counts what runs. */
export class FakeSandbox implements Sandbox {
  /** Every step that was started, in order. */
  readonly steps: SandboxStep[] = [];
  /** Steps that run now. */
  running = 0;
  /** Sessions that were not yet disposed of. */
  openSessions = 0;
  /** Every ephemeral guest that was started, in order. */
  readonly ephemeralGuests: EphemeralGuestRequest[] = [];
  /** Ephemeral guests that were not yet disposed of. */
  openGuests = 0;

  readonly distinctTargets: boolean | undefined;
  readonly #options: FakeSandboxOptions;

  constructor(options: FakeSandboxOptions = {}) {
    this.#options = options;
    this.distinctTargets = options.distinctTargets;
  }

  /** The commands of all `run` steps, in order. */
  get commands(): readonly string[] {
    return this.steps.flatMap(({ task }) => (task.kind === "run" ? [task.command] : []));
  }

  guest({ manifest }: GuestImage): GuestDescription {
    const fromManifest = manifest && { os: manifest.guestOs, arch: manifest.guestArch };
    return { ...linuxGuest, ...this.#options.guest, ...fromManifest };
  }

  async run(step: SandboxStep, options: SandboxRunOptions = {}): Promise<void> {
    const { signal = new AbortController().signal, emit = noopEmit, onOutput = () => undefined } = options;
    throwIfCancelled(signal);
    this.steps.push(step);
    this.running++;
    const output = (text: string | Uint8Array) =>
      onOutput(typeof text === "string" ? Buffer.from(text) : text);
    try {
      emit({ type: "phase", layer: step.layer, phase: step.task.kind });
      await orCancelled(this.#play({ ...step, signal, output }), signal);
    } catch (error) {
      if (step.task.kind === "run" && isObError(error, "STEP_FAILED")) {
        const execInteractive = async (interaction: ExecRequest) =>
          (await this.#options.ephemeralGuest?.execInteractive?.(interaction)) ?? 0;
        await options.onFailure?.(error, { execInteractive });
      }
      throw error;
    } finally {
      this.running--;
    }
  }

  openSession(): StepSession {
    this.openSessions++;
    let open = true;
    return {
      run: (step, options) => this.run(step, options),
      [Symbol.asyncDispose]: () => {
        if (open) this.openSessions--;
        open = false;
        return Promise.resolve();
      },
    };
  }

  async openEphemeral(
    request: EphemeralGuestRequest,
    { signal }: EphemeralGuestOptions = {},
  ): Promise<EphemeralGuest> {
    throwIfCancelled(signal);
    this.ephemeralGuests.push(request);
    this.openGuests++;
    return openFakeGuest(this.#options.ephemeralGuest ?? {}, {
      request,
      signal: signal ?? new AbortController().signal,
      onClose: () => void this.openGuests--,
    });
  }

  async #play(step: FakeStep): Promise<void> {
    const { run = echo, copy = readToEnd } = this.#options;
    const { task } = step;
    if (task.kind === "copy") return await copy({ ...step, task });
    const exitCode = await run({ ...step, task });
    if (typeof exitCode === "number" && exitCode !== 0) {
      throw new ObError("STEP_FAILED", `The command failed with exit status ${exitCode}.`, { exitCode });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // There is nothing to end.
  }
}

function echo(step: FakeStep<RunTask>): void {
  step.output(`${step.task.command}\n`);
}

async function readToEnd(step: FakeStep<CopyTask>): Promise<void> {
  const { user, openArchive } = step.task;
  // Reading it throws the archive's own errors.
  for await (const _ of openArchive({ owner: fakeOwner(user) })) throwIfCancelled(step.signal);
}

/** The owner that a fake guest resolves a user to: it has no user names, and root logs in. */
export function fakeOwner(user: GuestUser | undefined): GuestOwner {
  return user !== undefined && "uid" in user ? user : { uid: 0, gid: 0 };
}
