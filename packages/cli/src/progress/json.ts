import { TextDecoder } from "node:util";
import { isObError, type LayerId, errorMessage, type ObEvent, type SpecLocation } from "@ob/core";
import pc from "picocolors";
import type { Output } from "../process-io.ts";
import type { Verbosity } from "../args/options.ts";
import { codeOf, hintOf } from "../output/render-error.ts";
import { outputTakenBy } from "../output/output-taken.ts";
import { jsonLine } from "../output/printable.ts";
import { logLine } from "../output/log-line.ts";
import type { Progress } from "./progress.ts";

export interface JsonOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly verbosity: Verbosity;
  readonly steps: number;
  readonly now: () => number;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** `--progress=json`: one object per line on standard output, as docs/cli.md lists them; the last is the result. */
export function createJsonProgress(options: JsonOptions): Progress {
  const { stdout, stderr, verbosity, now } = options;
  const started = now();
  const decode = createStepDecoder();
  const outcomes = { saved: 0, cached: 0 };

  const print = (object: JsonObject) => void stdout.write(`${jsonLine(object)}\n`);

  const printOutput = (id: LayerId, bytes: Uint8Array | undefined) => {
    const text = decode(id, bytes);
    if (text !== "") print({ type: "step-output", id, text });
  };

  const result = (outcome: string, more: JsonObject) => {
    const { saved, cached } = outcomes;
    print({ type: "result", outcome, ...more, saved, cached, milliseconds: Math.round(now() - started) });
  };

  const emit = (event: ObEvent) => {
    if (event.type === "step-output") return printOutput(event.step.id, event.bytes);
    if (event.type === "step-finished") {
      printOutput(event.step.id, undefined);
      if (event.outcome === "saved" || event.outcome === "cached") outcomes[event.outcome]++;
    }
    if (event.type === "vm-started") return;
    if (event.type !== "exec" && event.type !== "log") return print(eventObject(event));
    const line = logLine(event, verbosity, pc.createColors(false));
    if (line !== undefined) stderr.write(line);
  };

  print({ type: "build-started", steps: options.steps });
  return {
    emit,
    outputTaken: outputTakenBy(stdout),
    ordered: false,
    say: (text) => void stderr.write(`${text}\n`),
    pause: () => ({ [Symbol.dispose]() {} }),
    succeeded: (id) => result("succeeded", { id }),
    failed: (error, exitCode) => {
      const code = codeOf(error) ?? "INTERNAL";
      const outcome = code === "CANCELLED" ? "cancelled" : "failed";
      const facts = { code, message: errorMessage(error), hint: hintOf(error) ?? null, exitCode };
      result(outcome, { ...facts, ...placeOf(error) });
    },
    [Symbol.dispose]() {},
  };
}

/** Where in the spec the error is, and the step that failed. */
function placeOf(error: unknown): JsonObject {
  const { at, step, exitCode, data } = isObError(error) ? error : {};
  return {
    location: locationOf(at),
    step: step ? { ...step, status: exitCode ?? null, signal: data?.["signal"] ?? null } : null,
  };
}

/** The fields and their order are part of the interface. */
function eventObject(
  event: Exclude<ObEvent, { readonly type: "step-output" | "exec" | "log" | "vm-started" }>,
): JsonObject {
  switch (event.type) {
    case "step-started": {
      const { id, base, op, heading, build, at } = event.step;
      const location = locationOf(at);
      return { type: event.type, id, op, base: base ?? null, heading, build, location };
    }
    case "step-finished": {
      const { step, outcome, milliseconds } = event;
      return { type: event.type, id: step.id, outcome, milliseconds: Math.round(milliseconds) };
    }
    case "note":
      return { type: event.type, text: event.text, build: event.build ?? [] };
    case "phase":
      return { type: event.type, id: event.layer, phase: event.phase };
  }
}

/** Decodes the output of several steps: a character that is cut by the end of `bytes` waits for the rest of it. */
function createStepDecoder(): (id: LayerId, bytes: Uint8Array | undefined) => string {
  const decoders = new Map<LayerId, TextDecoder>();
  return (id, bytes) => {
    const decoder = decoders.get(id) ?? new TextDecoder();
    decoders.set(id, decoder);
    if (bytes !== undefined) return decoder.decode(bytes, { stream: true });
    decoders.delete(id);
    return decoder.decode();
  };
}

function locationOf(at: SpecLocation | undefined): JsonObject | null {
  return at ? { file: at.file, line: at.line, column: at.column } : null;
}
