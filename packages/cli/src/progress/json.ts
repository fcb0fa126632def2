import { TextDecoder } from "node:util";
import type { LayerId, ObEvent } from "@ob/core";
import { createColors } from "../output/colors.ts";
import type { Output } from "../process-io.ts";
import type { Verbosity } from "../args/options.ts";
import { outputTakenBy } from "../output/output-taken.ts";
import { jsonLine } from "../output/printable.ts";
import { logLine } from "../output/log-line.ts";
import type { Progress } from "./progress.ts";
import { failureFacts, type JsonObject, locationOf, successFacts } from "./result.ts";

export interface JsonOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly verbosity: Verbosity;
  readonly steps: number;
  readonly now: () => number;
  /** Called when the last line is printed. */
  readonly onResult?: (() => void) | undefined;
}

/** `--progress=json`: one object per line on standard output, as docs/cli.md lists them; the last is the result. */
export function createJsonProgress(options: JsonOptions): Progress {
  const { stdout, stderr, verbosity, now, onResult } = options;
  const started = now();
  const decode = createStepDecoder();
  const outcomes = { saved: 0, cached: 0 };

  const print = (object: JsonObject) => void stdout.write(`${jsonLine(object)}\n`);

  const printOutput = (id: LayerId, bytes: Uint8Array | undefined) => {
    const text = decode(id, bytes);
    if (text !== "") print({ type: "step-output", id, text });
  };

  const result = (facts: JsonObject) => {
    const { saved, cached } = outcomes;
    print({ type: "result", ...facts, saved, cached, milliseconds: Math.round(now() - started) });
    onResult?.();
  };

  const emit = (event: ObEvent) => {
    if (event.type === "step-output") return printOutput(event.step.id, event.bytes);
    if (event.type === "step-finished") {
      printOutput(event.step.id, undefined);
      if (event.outcome === "saved" || event.outcome === "cached") outcomes[event.outcome]++;
    }
    if (event.type === "vm-started" || event.type === "vm-not-kept") return;
    if (event.type !== "exec" && event.type !== "log") return print(eventObject(event));
    const line = logLine(event, verbosity, createColors(false));
    if (line !== undefined) stderr.write(line);
  };

  print({ type: "build-started", steps: options.steps });
  return {
    emit,
    outputTaken: outputTakenBy(stdout),
    ordered: false,
    say: (text) => void stderr.write(`${text}\n`),
    pause: () => ({ [Symbol.dispose]() {} }),
    succeeded: (id) => result(successFacts(id)),
    failed: (ending) => result(failureFacts(ending)),
    [Symbol.dispose]() {},
  };
}

/** The fields and their order are part of the interface. */
function eventObject(
  event: Exclude<ObEvent, { readonly type: "step-output" | "exec" | "log" | "vm-started" | "vm-not-kept" }>,
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
