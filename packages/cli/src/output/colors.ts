import pc from "picocolors";
import type { Output } from "../process-io.ts";

export type Palette = ReturnType<typeof pc.createColors>;

/** The values of `--color`. */
export const colorModes = ["auto", "always", "never"] as const;
export type ColorMode = (typeof colorModes)[number];

/** A terminal that can move its cursor. */
export function isSmartTerminal(output: Output, env: Readonly<Record<string, string | undefined>>): boolean {
  return output.isTTY === true && env["TERM"] !== "dumb";
}

export interface ColorOptions {
  readonly mode: ColorMode;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Colours for `output`; under `auto` only on a terminal, and never where NO_COLOR is set (no-color.org). */
export function colorsFor(output: Output, { mode, env }: ColorOptions): Palette {
  const wanted =
    mode === "always" || (mode === "auto" && (env["NO_COLOR"] ?? "") === "" && isSmartTerminal(output, env));
  return pc.createColors(wanted);
}
