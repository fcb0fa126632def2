import { fromBytes } from "../../byte-text.ts";
import { type ParseOptions, parseSpec } from "../../parse.ts";
import { printMachine } from "../../spec-print.ts";
import { layOut } from "./layout.ts";
import { readSourceTree } from "./source-tree.ts";

/**
 * Formats the text of a spec, and keeps its comments, the spelling of its atoms and single blank lines. The layout is that of
 * `formatSpec`. The result is the text of the same spec, ends with a newline, and is what formatting it gives again.
 *
 * @throws {SpecError} if the text is not a spec.
 */
export function formatSource(given: string | Uint8Array, options: Pick<ParseOptions, "file"> = {}): string {
  const spec = parseSpec(given, options);
  const text = typeof given === "string" ? given : fromBytes(given);
  const formatted = layOut(text, readSourceTree(text));
  if (printMachine(parseSpec(formatted, options)) !== printMachine(spec)) {
    throw new Error("Formatting would change what the spec means: this is a bug.");
  }
  return formatted;
}
