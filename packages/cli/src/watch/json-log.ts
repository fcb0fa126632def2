import type { WorkerWatch } from "@ob/cluster";
import { type Emit, errorMessage, type ObEvent } from "@ob/core";
import { verbosities, type Verbosity } from "../args/options.ts";
import { jsonLine } from "../output/printable.ts";
import { codeOf, hintOf } from "../output/render-error.ts";
import type { Output } from "../process-io.ts";

type Fields = Readonly<Record<string, string | number | readonly string[] | undefined>>;

export interface JsonLogOptions {
  readonly stdout: Output;
  /** The worker's name. */
  readonly worker: string;
  /** Bounds what libraries log. */
  readonly verbosity: Verbosity;
}

/** What a worker does, as one JSON object a line. docs/cluster.md lists them. */
export interface JsonLog {
  readonly watch: WorkerWatch;
  /** Gets what the libraries emit outside of chains. */
  readonly emit: Emit;
  /** Writes an event of the worker itself. */
  note(event: string, fields?: Fields): void;
  /** Writes the error that ends the worker. */
  fail(error: unknown): void;
}

export function createJsonLog({ stdout, worker, verbosity }: JsonLogOptions): JsonLog {
  const write = (level: string, event: string, fields: Fields) => {
    const time = new Date().toISOString();
    stdout.write(`${jsonLine({ time, level, event, worker, ...fields })}\n`);
  };
  const note = (event: string, fields: Fields = {}) => write("info", event, fields);
  const emit = (event: ObEvent, fields: Fields = {}) => {
    const line = logged(event);
    if (!line || verbosities.indexOf(line.level) > verbosities.indexOf(verbosity)) return;
    write(line.level, event.type, { ...fields, ...line.fields });
  };
  const fail = (error: unknown) => write("error", "failed", failure(error));
  return {
    emit: (event) => emit(event),
    note,
    fail,
    watch: { ...buildsTo(note), ...chainsTo({ note, emit }) },
  };
}

/** An error without a code is a bug: where it comes from is part of it. */
function failure(error: unknown): Fields {
  const code = codeOf(error);
  const stack = code === undefined && error instanceof Error ? error.stack : undefined;
  return { code, text: errorMessage(error), hint: hintOf(error), stack };
}

function buildsTo(note: JsonLog["note"]): Pick<WorkerWatch, "buildStarted"> {
  return {
    buildStarted: ({ build, client, layers }) => {
      note("build-started", { build, client, layers });
      return {
        layersFound: (found) => note("layers-found", { build, found, layers }),
        ended: (outcome) => note("build-ended", { build, outcome }),
      };
    },
  };
}

function chainsTo({
  note,
  emit,
}: Pick<JsonLog, "note"> & { readonly emit: (event: ObEvent, fields: Fields) => void }): Pick<
  WorkerWatch,
  "chainStarted"
> {
  return {
    chainStarted: ({ build, pool, layers, queuedAt }) => {
      const place = { build, pool };
      note("chain-started", { ...place, layers, milliseconds: Math.max(0, Date.now() - queuedAt) });
      return {
        emit: (event) => {
          const noted = notedStep(event);
          if (noted) note(event.type, { ...place, ...noted });
          else emit(event, place);
        },
        ended: (outcome) => note("chain-ended", { ...place, outcome }),
      };
    },
  };
}

/** What is always said of steps. */
function notedStep(event: ObEvent): Fields | undefined {
  if (event.type === "vm-started") return { step: event.layer, start: event.start };
  if (event.type === "step-started") {
    const { id, op, heading } = event.step;
    return { step: id, op, heading };
  }
  if (event.type !== "step-finished") return undefined;
  const { step, outcome, milliseconds } = event;
  return { step: step.id, op: step.op, outcome, milliseconds: Math.round(milliseconds) };
}

interface Logged {
  readonly level: "debug" | "info" | "warning";
  readonly fields: Fields;
}

function logged(event: ObEvent): Logged | undefined {
  if (event.type === "log") return { level: event.level, fields: { text: event.text } };
  if (event.type === "exec") return { level: "info", fields: { argv: event.argv } };
  if (event.type === "phase") return { level: "debug", fields: { step: event.layer, phase: event.phase } };
  return undefined;
}
