import { cancelled, isObError, ObError, throwIfCancelled } from "../errors.ts";
import { silent } from "../events.ts";
import type { GuestArch, GuestOs } from "../image-manifest.ts";
import type { GuestVisit, Interaction, VisitOptions, VisitRequest } from "../visit.ts";
import { type ScriptedGuest, visitScriptedGuest } from "./scripted-visit.ts";
import type {
  CopyTask,
  GuestImage,
  GuestOwner,
  GuestUser,
  RunTask,
  Sandbox,
  SandboxRunOptions,
  SandboxStep,
  StepSequence,
} from "../sandbox.ts";

/** What a script sees of the step that it plays. */
export interface ScriptedStep<Task extends RunTask | CopyTask = RunTask | CopyTask> extends SandboxStep {
  readonly task: Task;
  /** Fires when the step is cancelled. */
  readonly signal: AbortSignal;
  /** Writes to the command's output. */
  readonly output: (text: string | Uint8Array) => void;
}

export interface ScriptedSandboxOptions {
  /**
   * Plays a `run` step: what it throws is the step's error, a number other than 0 is the command's exit status.
   * By default the command is echoed.
   */
  readonly run?: (step: ScriptedStep<RunTask>) => void | number | Promise<void | number>;
  /** Plays a `copy` step. By default the archive is read to its end. */
  readonly copy?: (step: ScriptedStep<CopyTask>) => void | Promise<void>;
  /** Plays the guests that are visited, and the one of a step that failed. */
  readonly visit?: ScriptedGuest;
  /** What every guest is, unless its manifest says otherwise; by default Linux on amd64. */
  readonly guest?: { readonly os: GuestOs; readonly arch: GuestArch };
}

/** A sandbox without a machine: functions play the guest. It records every step and counts what runs. */
export class ScriptedSandbox implements Sandbox {
  /** Every step that was started, in order. */
  readonly steps: SandboxStep[] = [];
  /** Steps that run now. */
  running = 0;
  /** Sequences that were not yet disposed of. */
  openSequences = 0;
  /** Every visit that was begun, in order. */
  readonly visits: VisitRequest[] = [];
  /** Visits that were not yet disposed of. */
  openVisits = 0;

  readonly #options: ScriptedSandboxOptions;

  constructor(options: ScriptedSandboxOptions = {}) {
    this.#options = options;
  }

  /** The commands of all `run` steps, in order. */
  get commands(): readonly string[] {
    return this.steps.flatMap(({ task }) => (task.kind === "run" ? [task.command] : []));
  }

  guest(image: GuestImage): { readonly os: GuestOs; readonly arch: GuestArch } {
    const { manifest } = image;
    if (manifest) return { os: manifest.guestOs, arch: manifest.guestArch };
    return this.#options.guest ?? { os: "linux", arch: "amd64" };
  }

  async run(step: SandboxStep, options: SandboxRunOptions = {}): Promise<void> {
    const { signal = new AbortController().signal, emit = silent, onOutput = () => undefined } = options;
    throwIfCancelled(signal);
    this.steps.push(step);
    this.running++;
    const output = (text: string | Uint8Array) =>
      onOutput(typeof text === "string" ? Buffer.from(text) : text);
    try {
      emit({ type: "phase", layer: step.layer, phase: step.task.kind });
      await unlessCancelled(this.#play({ ...step, signal, output }), signal);
    } catch (error) {
      if (step.task.kind === "run" && isObError(error, "STEP_FAILED")) {
        const interact = async (interaction: Interaction) =>
          (await this.#options.visit?.interact?.(interaction)) ?? 0;
        await options.onFailure?.(error, { interact });
      }
      throw error;
    } finally {
      this.running--;
    }
  }

  sequence(): StepSequence {
    this.openSequences++;
    let open = true;
    return {
      run: (step, options) => this.run(step, options),
      [Symbol.asyncDispose]: () => {
        if (open) this.openSequences--;
        open = false;
        return Promise.resolve();
      },
    };
  }

  async visit(request: VisitRequest, { signal }: VisitOptions = {}): Promise<GuestVisit> {
    throwIfCancelled(signal);
    this.visits.push(request);
    this.openVisits++;
    return visitScriptedGuest(this.#options.visit ?? {}, {
      request,
      signal: signal ?? new AbortController().signal,
      onClose: () => void this.openVisits--,
    });
  }

  async #play(step: ScriptedStep): Promise<void> {
    const { run = echo, copy = readToEnd } = this.#options;
    const { task } = step;
    if (task.kind === "copy") return await copy({ ...step, task });
    const exitCode = await run({ ...step, task });
    if (typeof exitCode === "number" && exitCode !== 0) {
      throw new ObError("STEP_FAILED", `The command failed with exit status ${exitCode}.`, { exitCode });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // No machine runs.
  }
}

function echo(step: ScriptedStep<RunTask>): void {
  step.output(`${step.task.command}\n`);
}

async function readToEnd(step: ScriptedStep<CopyTask>): Promise<void> {
  const { user, openArchive } = step.task;
  // Reading is the point: the archive's own errors come out of it.
  for await (const _ of openArchive({ owner: scriptedOwner(user) })) throwIfCancelled(step.signal);
}

/** Whom a scripted guest takes a user for: it has no names, and root logs in. */
export function scriptedOwner(user: GuestUser | undefined): GuestOwner {
  return user !== undefined && "uid" in user ? user : { uid: 0, gid: 0 };
}

async function unlessCancelled(played: Promise<void>, signal: AbortSignal): Promise<void> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(cancelled(signal));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await Promise.race([played, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
