import type { ObEvent } from "@ob/core";
import type { Palette } from "../output/colors.ts";
import type { Output } from "../process-io.ts";
import { printable } from "../output/printable.ts";
import { outputTakenBy } from "../output/output-taken.ts";
import type { PacedTerminal } from "../output/paced-terminal.ts";
import { createTerminalFilter } from "../output/terminal-filter.ts";
import type { Verbosity } from "../args/options.ts";
import { logLine } from "../output/log-line.ts";
import { noteColor } from "./note-color.ts";
import type { Progress } from "./progress.ts";

export interface PlainOptions {
  readonly stdout: Output;
  /** What writes to `stdout`, if that is a terminal. */
  readonly terminal?: PacedTerminal | undefined;
  readonly stderr: Output;
  readonly colors: Palette;
  readonly logColors: Palette;
  readonly verbosity: Verbosity;
}

/**
 * The original's transcript: headings, the steps' output with its bytes untouched, and notes on standard output;
 * log lines on standard error. On a terminal the output passes a filter.
 */
export function createPlainProgress(options: PlainOptions): Progress {
  const { terminal, stderr, colors, logColors, verbosity } = options;
  let atLineStart = true;
  const filter = terminal && createTerminalFilter();
  const stdout = terminal ?? options.stdout;

  /** A line that is not a step's output, which may have ended in the middle of a line. */
  const line = (text: string) => {
    stdout.write(`${atLineStart ? "" : "\n"}${text}\n`);
    atLineStart = true;
  };

  const toStderr = writerAfter(terminal, stderr);

  const leaveLine = () => {
    if (!atLineStart) stdout.write("\n");
    atLineStart = true;
    terminal?.flush();
  };

  const emit = (event: ObEvent) => {
    switch (event.type) {
      case "step-started":
        return line(colors.blueBright(printable(event.step.heading)));
      case "step-output":
        if (event.bytes.length === 0) return;
        stdout.write(filter?.push(event.bytes) ?? event.bytes);
        atLineStart = event.bytes.at(-1) === 0x0a;
        return;
      case "step-finished":
        if (filter) stdout.write(filter.end());
        if (event.outcome === "saved") line(colors.yellow(`---> saved as "${event.step.id}"`));
        if (event.outcome === "cached") line(colors.yellow(`---> using "${event.step.id}" from cache`));
        return;
      case "note":
        return line(noteColor(event.text, colors)(printable(event.text)));
      case "exec":
      case "log":
      case "phase":
      case "vm-started":
      case "vm-not-kept":
        return toStderr(logLine(event, verbosity, logColors) ?? "");
    }
  };

  return {
    emit,
    outputTaken: outputTakenBy(stdout),
    ordered: true,
    say: (text) => toStderr(`${text}\n`),
    pause() {
      leaveLine();
      return { [Symbol.dispose]() {} };
    },
    succeeded: (id) => line(`Got: "${id}"`),
    failed: leaveLine,
    [Symbol.dispose]: () => terminal?.flush(),
  };
}

/** Writes to a stream, after what waits for the terminal. */
function writerAfter(terminal: PacedTerminal | undefined, stream: Output): (text: string) => void {
  return (text) => {
    if (text === "") return;
    terminal?.flush();
    stream.write(text);
  };
}
