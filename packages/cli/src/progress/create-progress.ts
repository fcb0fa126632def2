import { monotonicMs } from "@ob/core";
import { type ColorMode, colorsFor, isSmartTerminal } from "../output/colors.ts";
import { pacedTerminal } from "../output/open-paced-terminal.ts";
import type { ProcessIo } from "../process-io.ts";
import type { ProgressMode, Verbosity } from "../args/options.ts";
import type { LastTime } from "../records/last-times.ts";
import { createJsonProgress } from "./json.ts";
import { createPlainProgress } from "./plain.ts";
import type { Progress } from "./progress.ts";

export interface ProgressOptions {
  readonly io: ProcessIo;
  readonly mode: ProgressMode;
  readonly color: ColorMode;
  readonly verbosity: Verbosity;
  /** How many steps the spec has. */
  readonly steps: number;
  /** True if nested builds may run at the same time. */
  readonly parallel: boolean;
  /** Called when a last line with the result is printed, which only `json` has. */
  readonly onResult?: (() => void) | undefined;
  /** What steps took the last time; see `TtyModelOptions`. */
  readonly lastTime?: LastTime | undefined;
  /** A monotonic clock, in milliseconds. */
  readonly now?: () => number;
}

/** The display for `--progress`; `auto` is `tty` on a terminal, else `plain`. */
export async function createProgress(options: ProgressOptions): Promise<Progress> {
  const { io, mode, color, verbosity, steps, parallel, lastTime, now = monotonicMs } = options;
  const { stdout, stderr, env } = io;
  if (mode === "json")
    return createJsonProgress({ stdout, stderr, verbosity, steps, now, onResult: options.onResult });
  const colors = colorsFor(stdout, { mode: color, env });
  const logColors = colorsFor(stderr, { mode: color, env });
  if (mode === "tty" || (mode === "auto" && isSmartTerminal(stdout, env))) {
    const { createTtyProgress } = await import("./tty-view.ts");
    return createTtyProgress({
      ...{ stdout, stderr, colors, logColors, verbosity },
      ...{ steps, parallel, lastTime, now },
    });
  }
  const terminal = await pacedTerminal(stdout);
  return createPlainProgress({ stdout, terminal, stderr, colors, logColors, verbosity });
}
