import type { Emit, LayerId } from "@ob/core";
import { type ColorMode, colorsFor, isSmartTerminal } from "../output/colors.ts";
import type { ProcessIo } from "../process-io.ts";
import type { ProgressMode, Verbosity } from "../args/options.ts";
import { createJsonProgress } from "./json.ts";
import { createPlainProgress } from "./plain.ts";

/** Shows one build. Disposing puts the terminal back in order; it is idempotent. */
export interface Progress extends Disposable {
  readonly emit: Emit;
  /** True if it shows one thing after the other: what builds side by side have to say must come in order. */
  readonly inOrder: boolean;
  /** A line of the command itself. */
  say(line: string): void;
  /** Leaves the terminal to someone else until it is disposed of; what happens meanwhile is shown afterwards. */
  pause(): Disposable;
  /** The build is done, with this layer. */
  succeeded(id: LayerId): void;
  /** The build ended with an error, which is printed by whoever catches it. */
  failed(error: unknown, exitCode: number): void;
}

export interface ProgressOptions {
  readonly host: ProcessIo;
  readonly mode: ProgressMode;
  readonly color: ColorMode;
  readonly verbosity: Verbosity;
  /** How many steps the spec has. */
  readonly steps: number;
  /** True if nested builds may run at the same time. */
  readonly sideBySide: boolean;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: () => number;
}

/** The display for `--progress`; `auto` is `tty` on a terminal and `plain` elsewhere. */
export async function createProgress(options: ProgressOptions): Promise<Progress> {
  const { host, mode, color, verbosity, steps, sideBySide, now = () => performance.now() } = options;
  const { stdout, stderr, env } = host;
  if (mode === "json") return createJsonProgress({ stdout, stderr, verbosity, steps, now });
  const colors = colorsFor(stdout, { mode: color, env });
  const logColors = colorsFor(stderr, { mode: color, env });
  if (mode === "tty" || (mode === "auto" && isSmartTerminal(stdout, env))) {
    const { createTtyProgress } = await import("./tty.ts");
    return createTtyProgress({ stdout, stderr, colors, logColors, verbosity, steps, sideBySide, now });
  }
  return createPlainProgress({ stdout, stderr, colors, logColors, verbosity });
}
