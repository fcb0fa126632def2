import { styleText } from "node:util";
import type { Output } from "../process-io.ts";

type Style = "blue" | "blueBright" | "bold" | "cyan" | "dim" | "green" | "red" | "yellow";

/** Functions that style a text, or return it as it is. */
export type Palette = Readonly<Record<Style, (text: string) => string>> & {
  readonly isColorSupported: boolean;
};

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
  return createColors(wanted);
}

/** Colours, or functions that return their texts as they are. */
export function createColors(wanted: boolean): Palette {
  // Whether there are to be colours is decided by the caller, and not by Node.js.
  const style = (name: Style) => (text: string) =>
    wanted ? styleText(name, text, { validateStream: false }) : text;
  return {
    isColorSupported: wanted,
    blue: style("blue"),
    blueBright: style("blueBright"),
    bold: style("bold"),
    cyan: style("cyan"),
    dim: style("dim"),
    green: style("green"),
    red: style("red"),
    yellow: style("yellow"),
  };
}
