import type { ObEvent } from "@ob/core";
import { createLogUpdate } from "log-update";
import type { Verbosity } from "../args/options.ts";
import type { Palette } from "../output/colors.ts";
import { logLine } from "../output/log-line.ts";
import { outputTakenBy } from "../output/output-taken.ts";
import { PacedTerminal } from "../output/paced-terminal.ts";
import type { Output } from "../process-io.ts";
import { rowsOf } from "./fit-line.ts";
import type { Progress } from "./progress.ts";
import { TtyModel, type TtyModelOptions } from "./tty-model.ts";

export interface TtyOptions extends TtyModelOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly logColors: Palette;
  readonly verbosity: Verbosity;
}

/** How much may wait for the next frame, in characters. */
const maxPending = 32_768;

/** How often the display is drawn, in milliseconds. */
const frameTime = 100;

/**
 * The display on a terminal: finished lines scroll up, and the last lines show what runs, with its time. A cached step
 * is one line; its log is not shown again.
 */
export function createTtyProgress(options: TtyOptions): Progress {
  const { colors } = options;
  const model = new TtyModel(options);
  const view = new TtyView(model, options);
  return {
    emit: (event) => view.show(event),
    outputTaken: () => view.outputTaken(),
    ordered: false,
    say(line) {
      model.print(colors.yellow(line));
      view.flush();
    },
    pause: () => view.pause(),
    succeeded(id) {
      model.succeed(id);
      view[Symbol.dispose]();
    },
    failed: () => view[Symbol.dispose](),
    [Symbol.dispose]: () => view[Symbol.dispose](),
  };
}

/** Draws a model, at once and with every frame. Disposing leaves the finished lines only; it is idempotent. */
class TtyView implements Disposable {
  readonly #model: TtyModel;
  readonly #options: TtyOptions;
  readonly #draw: ReturnType<typeof createLogUpdate>;
  readonly #timer: NodeJS.Timeout;
  readonly #terminal: PacedTerminal;
  readonly #terminalTakes: () => Promise<void> | undefined;
  /** Resolves when the terminal is given back. */
  #resumed: Promise<void> | undefined;
  /** The status that is on the terminal, and the width that it was drawn for. */
  #drawn = { status: "", columns: 0 };

  constructor(model: TtyModel, options: TtyOptions) {
    this.#model = model;
    this.#options = options;
    this.#terminal = new PacedTerminal(options.stdout);
    this.#terminalTakes = outputTakenBy(this.#terminal);
    this.#draw = createLogUpdate(this.#terminal, { showCursor: true });
    this.#timer = setInterval(() => {
      model.advance();
      // A terminal that has not taken the last frame gets no other.
      if (this.#terminal.writableLength === 0) this.flush();
    }, frameTime);
    // The display alone keeps no process alive.
    this.#timer.unref();
  }

  show(event: ObEvent): void {
    this.#model.apply(event);
    if (event.type === "step-finished" || this.#model.pending > maxPending) this.flush();
    const line = logLine(event, this.#options.verbosity, this.#options.logColors);
    if (line === undefined) return;
    if (this.#resumed) return this.#model.print(line.trimEnd());
    // The next frame puts the display below it.
    this.#scroll();
    this.#terminal.flush();
    this.#options.stderr.write(line);
  }

  outputTaken(): Promise<void> | undefined {
    return this.#resumed && this.#model.pending > maxPending ? this.#resumed : this.#terminalTakes();
  }

  flush(): void {
    if (this.#resumed) return;
    this.#eraseReflowed();
    const lines = this.#model.takeLines();
    if (lines !== "") this.#scroll(lines);
    const columns = this.#terminal.columns;
    const status = this.#model.status(Math.max(20, columns));
    if (status === "") return;
    this.#draw(status);
    this.#drawn = { status, columns };
  }

  /** Leaves the terminal to another program until it is disposed of. */
  pause(): Disposable {
    this.#scroll();
    this.#terminal.flush();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resumed = promise;
    return {
      [Symbol.dispose]: () => {
        this.#resumed = undefined;
        resolve();
      },
    };
  }

  [Symbol.dispose](): void {
    this.#resumed = undefined;
    clearInterval(this.#timer);
    this.#model.stop();
    this.#scroll();
    this.#terminal.flush();
  }

  /** A terminal that has become narrower has wrapped the lines of the status: it takes more rows than were drawn. */
  #eraseReflowed(): void {
    const { status, columns } = this.#drawn;
    const now = this.#terminal.columns;
    if (status === "" || now >= columns) return;
    // From the row below them up, and all from there.
    this.#terminal.write(`\x1b[${rowsOf(status.split("\n"), now)}A\r\x1b[J`);
    this.#draw.done();
    this.#drawn = { status: "", columns: 0 };
  }

  /** Writes finished lines in the place of the status. */
  #scroll(lines = this.#model.takeLines()): void {
    this.#eraseReflowed();
    this.#draw.clear();
    this.#drawn = { status: "", columns: 0 };
    if (lines !== "") this.#terminal.write(lines);
  }
}
