import type { ObEvent } from "@ob/core";
import { createLogUpdate } from "log-update";
import type { Verbosity } from "../args/options.ts";
import type { Palette } from "../output/colors.ts";
import { logLine } from "../output/log-line.ts";
import type { Output } from "../process-io.ts";
import type { Progress } from "./progress.ts";
import { TtyModel, type TtyModelOptions } from "./tty-model.ts";

export interface TtyOptions extends TtyModelOptions {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly logColors: Palette;
  readonly verbosity: Verbosity;
}

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
  #paused = false;

  constructor(model: TtyModel, options: TtyOptions) {
    this.#model = model;
    this.#options = options;
    this.#draw = createLogUpdate(options.stdout, { showCursor: true });
    this.#timer = setInterval(() => {
      model.advance();
      this.flush();
    }, frameTime);
    // The display alone keeps no process alive.
    this.#timer.unref();
  }

  show(event: ObEvent): void {
    this.#model.apply(event);
    if (event.type === "step-finished") this.flush();
    const line = logLine(event, this.#options.verbosity, this.#options.logColors);
    if (line === undefined) return;
    if (this.#paused) return this.#model.print(line.trimEnd());
    // The next frame puts the display below it.
    this.#scroll();
    this.#options.stderr.write(line);
  }

  flush(): void {
    if (this.#paused) return;
    const lines = this.#model.takeLines();
    if (lines !== "") this.#scroll(lines);
    const status = this.#model.status(Math.max(20, this.#options.stdout.columns ?? 80));
    if (status !== "") this.#draw(status);
  }

  /** Leaves the terminal to another program until it is disposed of. */
  pause(): Disposable {
    this.#scroll();
    this.#paused = true;
    return {
      [Symbol.dispose]: () => {
        this.#paused = false;
      },
    };
  }

  [Symbol.dispose](): void {
    this.#paused = false;
    clearInterval(this.#timer);
    this.#model.stop();
    this.#scroll();
  }

  /** Writes finished lines in the place of the status. */
  #scroll(lines = this.#model.takeLines()): void {
    this.#draw.clear();
    if (lines !== "") this.#options.stdout.write(lines);
  }
}
