import {
  type LayerId,
  layerId,
  ObError,
  type ObEvent,
  sha256,
  type StartSmokeTest,
  type StepInfo,
} from "@ob/core";
import type { EngineBuild, EngineOptions, LifeCycleEngine } from "../life-cycle/engine.ts";

/** What a command of a spec does: it prints a text, ends with a status, or throws. */
export interface FakeOutcome {
  readonly prints?: string;
  readonly status?: number;
  readonly throws?: Error;
  /** What the sandbox reports meanwhile. */
  readonly log?: string;
}

export interface FakeEngineOptions {
  /** By default a command prints nothing and succeeds. A copy is asked for with an empty command. */
  readonly run?: (command: string, signal: AbortSignal) => FakeOutcome | Promise<FakeOutcome>;
  readonly startSmokeTest?: StartSmokeTest;
  readonly readTrees?: LifeCycleEngine["readTrees"];
}

/** An engine without machines and without layers on a disk. It reports a step that it has run before as cached. */
export class FakeEngine implements LifeCycleEngine {
  readonly startSmokeTest: StartSmokeTest;
  readonly readTrees: LifeCycleEngine["readTrees"];
  /** The commands that were run, in order; those of cached steps are not. */
  readonly ran: string[] = [];
  readonly builds: EngineBuild[] = [];
  closed = false;
  readonly #layers = new Map<LayerId, FakeOutcome>();
  readonly #options: FakeEngineOptions;

  constructor(options: FakeEngineOptions = {}) {
    this.#options = options;
    this.startSmokeTest =
      options.startSmokeTest ??
      (() => {
        throw new ObError("BOOT_FAILED", "The guest did not answer.\nconsole: nothing");
      });
    this.readTrees = options.readTrees ?? async function* () {};
  }

  async build(build: EngineBuild, { emit, signal }: EngineOptions): Promise<LayerId> {
    this.builds.push(build);
    let id = layerId(sha256(`base ${build.reuseVm}`));
    for (const { line, command } of stepsIn(build.spec)) {
      signal.throwIfAborted();
      const base = id;
      id = layerId(sha256(`${base} ${command}`));
      const at = { file: "the check", line, column: 1 };
      const step: StepInfo = {
        id,
        base,
        op: command === "" ? "copy" : "run",
        heading: command,
        build: [],
        at,
      };
      emit({ type: "step-started", step });
      await this.#step(step, { command, signal, emit });
    }
    return id;
  }

  async #step(
    step: StepInfo,
    { command, signal, emit }: EngineOptions & { readonly command: string },
  ): Promise<void> {
    const end = (outcome: Extract<ObEvent, { readonly type: "step-finished" }>["outcome"]): void =>
      emit({ type: "step-finished", step, outcome, milliseconds: 10 });
    const known = this.#layers.get(step.id);
    if (!known) this.ran.push(command);
    const outcome = known ?? (await this.#options.run?.(command, signal)) ?? {};
    if (outcome.log !== undefined) emit({ type: "log", level: "info", text: outcome.log });
    emit({ type: "step-output", step, bytes: Buffer.from(outcome.prints ?? "") });
    const { status = 0 } = outcome;
    if (outcome.throws === undefined && status === 0) {
      this.#layers.set(step.id, outcome);
      return end(known ? "cached" : "saved");
    }
    end("failed");
    if (outcome.throws) throw outcome.throws;
    throw new ObError("STEP_FAILED", `The command failed with exit status ${status}.`, {
      exitCode: status,
      at: step.at,
      step: { id: step.id, op: "run", heading: step.heading, build: [], output: outcome.prints ?? "" },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closed = true;
  }
}

/** The steps of a spec that has at most one case on a line. */
function stepsIn(spec: string): readonly { readonly line: number; readonly command: string }[] {
  const step = /\(copy (?=\()|\(run [^"]*(?:"[^"]*" *\)[^"]*)*?\(shell ("(?:[^"\\]|\\.)*")\)\)/g;
  return spec.split("\n").flatMap((text, index) =>
    text.startsWith("(build ")
      ? []
      : [...text.matchAll(step)].map(([, command]) => ({
          line: index + 1,
          command: command === undefined ? "" : String(JSON.parse(command)),
        })),
  );
}
