import type { ImageEvent } from "@ob/images";
import type { Palette } from "../output/colors.ts";
import type { Output } from "../process-io.ts";
import { formatDuration, formatSize } from "../args/units.ts";
import { describeSpeed } from "../output/image-speed.ts";
import { printable, printableLine } from "../output/printable.ts";

export interface PhasesOptions {
  readonly colors: Palette;
  /** True if the terminal can overwrite its last line. */
  readonly live: boolean;
}

/**
 * Shows work of several phases: a line for each when it ends, and on a terminal a line for the phase that runs now, with
 * its time and progress. Disposing removes that line.
 */
export class Phases implements Disposable {
  readonly #output: Output;
  readonly #options: PhasesOptions;
  #timer: NodeJS.Timeout | undefined;
  #running: { readonly phase: string; readonly since: number } | undefined;
  #progress = "";

  constructor(output: Output, options: PhasesOptions) {
    this.#output = output;
    this.#options = options;
  }

  show(event: ImageEvent): void {
    const { colors } = this.#options;
    switch (event.type) {
      case "phase-started":
        this.#start(event.phase);
        return;
      case "phase-progress":
        this.#progress = ` ${describeProgress(event)}`;
        return;
      case "phase-finished":
        this[Symbol.dispose]();
        this.#output.write(`${seconds(event.milliseconds)}  ${event.phase}\n`);
        return;
      case "check": {
        this.#line(checkLine(event, colors));
        return;
      }
      case "speed": {
        const { first, further, more } = describeSpeed(event.speed);
        for (const text of [first, further]) this.#line(` speed  ${printableLine(text)}`);
        for (const text of more) this.#line(`        ${printableLine(text)}`);
        return;
      }
      case "note":
        this.#line(`        ${printableLine(event.text)}`);
        return;
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#running = undefined;
    this.#progress = "";
    this.#erase();
  }

  #start(phase: string): void {
    this.#running = { phase, since: performance.now() };
    if (!this.#options.live) return;
    clearInterval(this.#timer);
    this.#draw();
    this.#timer = setInterval(() => this.#draw(), 1_000);
  }

  #draw(): void {
    if (!this.#running || !this.#options.live) return;
    const { phase, since } = this.#running;
    const line = `${seconds(performance.now() - since)}  ${phase} …${this.#progress}`;
    this.#output.write(`\r\x1b[K${line.slice(0, (this.#output.columns ?? 80) - 1)}`);
  }

  #line(text: string): void {
    this.#erase();
    this.#output.write(`${text}\n`);
    this.#draw();
  }

  #erase(): void {
    if (this.#options.live) this.#output.write("\r\x1b[K");
  }
}

const marks = {
  passed: (colors: Palette) => colors.green("    ok"),
  warning: (colors: Palette) => `${colors.yellow("  warn")}  recommended:`,
  failed: (colors: Palette) => colors.red("  fail"),
  skipped: (colors: Palette) => colors.dim("  skip"),
} as const;

/** The guest has printed what is in it. */
function checkLine(
  { what, outcome, detail, milliseconds }: Extract<ImageEvent, { readonly type: "check" }>,
  colors: Palette,
): string {
  const mark = marks[outcome](colors);
  const said = detail === undefined ? "" : `: ${printable(detail).replaceAll("\n", " ")}`;
  const time = milliseconds === undefined ? "" : colors.dim(` (${formatDuration(milliseconds)})`);
  return `${mark}${outcome === "warning" ? " " : "  "}${printableLine(what)}${said}${time}`;
}

function describeProgress({ done, total }: Extract<ImageEvent, { readonly type: "phase-progress" }>): string {
  if (total === undefined || total === 0) return formatSize(done);
  return `${Math.floor((done / total) * 100)} % of ${formatSize(total)}`;
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`.padStart(6);
}
