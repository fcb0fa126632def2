import { TextDecoder } from "node:util";
import { messageOf, type ObEvent, type StepInfo } from "@ob/core";
import pc from "picocolors";
import type { Output } from "../process-io.ts";
import type { Verbosity } from "../args/options.ts";
import { codeOf, hintOf } from "../output/render-error.ts";
import { logLine } from "../output/log-line.ts";
import type { Progress } from "./progress.ts";

export interface JsonOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly verbosity: Verbosity;
  readonly steps: number;
  readonly now: () => number;
}

/** `--progress=json`: one object a line on standard output, as docs/cli.md lists them; the last is the result. */
export function createJsonProgress(options: JsonOptions): Progress {
  const { stdout, stderr, verbosity, now } = options;
  const started = now();
  const decoders = new Map<string, TextDecoder>();
  const outcomes = { saved: 0, cached: 0 };

  const print = (object: Readonly<Record<string, unknown>>) =>
    void stdout.write(`${JSON.stringify(object)}\n`);

  /** Text of a step's output; a character that is cut by the end of `bytes` waits for the rest. */
  const decode = (step: StepInfo, bytes: Uint8Array | undefined) => {
    const decoder = decoders.get(step.id) ?? new TextDecoder();
    decoders.set(step.id, decoder);
    const text = decoder.decode(bytes, { stream: bytes !== undefined });
    if (bytes === undefined) decoders.delete(step.id);
    if (text !== "") print({ type: "step-output", id: step.id, text });
  };

  const result = (outcome: string, more: Readonly<Record<string, unknown>>) => {
    const { saved, cached } = outcomes;
    print({ type: "result", outcome, ...more, saved, cached, milliseconds: Math.round(now() - started) });
  };

  const emit = (event: ObEvent) => {
    switch (event.type) {
      case "step-started": {
        const { id, base, op, heading, build } = event.step;
        print({ type: event.type, id, op, base: base ?? null, heading, build });
        return;
      }
      case "step-output":
        decode(event.step, event.bytes);
        return;
      case "step-finished": {
        decode(event.step, undefined);
        const { outcome, milliseconds } = event;
        if (outcome === "saved" || outcome === "cached") outcomes[outcome]++;
        print({ type: event.type, id: event.step.id, outcome, milliseconds: Math.round(milliseconds) });
        return;
      }
      case "note":
        print({ type: event.type, text: event.text, build: event.build ?? [] });
        return;
      case "phase":
        print({ type: event.type, id: event.layer, phase: event.phase });
        return;
      case "exec":
      case "log": {
        const text = logLine(event, verbosity, pc.createColors(false));
        if (text !== undefined) stderr.write(text);
      }
    }
  };

  print({ type: "build-started", steps: options.steps });
  return {
    emit,
    inOrder: false,
    say: (text) => void stderr.write(`${text}\n`),
    pause: () => ({ [Symbol.dispose]() {} }),
    succeeded: (id) => result("succeeded", { id }),
    failed: (error, exitCode) => {
      const code = codeOf(error) ?? "INTERNAL";
      const outcome = code === "CANCELLED" ? "cancelled" : "failed";
      result(outcome, { code, message: messageOf(error), hint: hintOf(error) ?? null, exitCode });
    },
    [Symbol.dispose]() {},
  };
}
