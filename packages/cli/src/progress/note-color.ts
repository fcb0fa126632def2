import type { Palette } from "../output/colors.ts";

/** Headings of ops that make no layer come as notes too; the original paints notes proper yellow. */
export function noteColor(text: string, colors: Palette): (text: string) => string {
  return text.startsWith("--") ? colors.yellow : colors.blueBright;
}
