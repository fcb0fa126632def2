import * as fc from "fast-check";
import { createOutputCleaner } from "../../../packages/cli/src/output/clean-output.ts";
import { jsonLine, printable, printableLine } from "../../../packages/cli/src/output/printable.ts";
import { createTerminalFilter } from "../../../packages/cli/src/output/terminal-filter.ts";
import { cuts, mutated, pieces } from "./mutated.ts";
import { type Target, target } from "./target.ts";

const examples = [
  "\u001b[2J\u001b[1;31mred\u001b[0m\u001b]0;title\u0007 \u001b]8;;http://x.example\u001b\\link\u001b]8;;\u001b\\\n",
  "\u001bP+q544e\u001b\\\u001b_x\u001b\\\u001b^y\u001b\\\u001bXz\u001b\\ 10%\r\u001b[K 50%\r\u001b[2K100%\b\b\n",
  "\u009b31m\u009d0;t\u009c\u001b[?1049h\u001b(0\u001b#8\u001b7\u202eabc\u2066\u200b\u{e0041}\u2028\n",
  "\u001b[6n\u001b[c\u001b[21t\u0005\u001b]52;c;cm0=\u0007\u001b[38;5;1m\u001b[4:3m\u001bc",
];
const parts = [
  ...["\u001b", "[", "]", "P", "_", "^", "0", ";", ":", "?", "m", "K", "J", "H", "h", " ", "\\"],
  ...["\u0007", "\u0008", "\n", "\r", "\t", "\u009b", "\u009c", "\u0000", "\u202e", "x", "\u00ad"],
];
const composed = fc
  .array(fc.constantFrom(...parts), { maxLength: 24 })
  .map((chosen) => Buffer.from(chosen.join("")));
const outputs = fc.oneof(mutated(examples), composed);

/** Styles; and with `withErase` what a progress bar erases the line by. */
function withoutStyles(text: string, { withErase }: { readonly withErase: boolean }): string {
  // oxlint-disable-next-line no-control-regex -- it matches escapes.
  return text.replaceAll(withErase ? /\u001b\[(?:[0-9;:]*m|[0-2]?K)/g : /\u001b\[[0-9;:]*m/g, "");
}

/** @param allowed control characters that may be left. */
function refuseControls(text: string, allowed: string): void {
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const isControl = code < 0x20 || (code >= 0x7f && code < 0xa0);
    const turnsText = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if ((isControl && !allowed.includes(character)) || turnsText || code === 0x2028 || code === 0x2029)
      throw new Error(`the character ${code.toString(16)} reaches the terminal: ${JSON.stringify(text)}`);
  }
}

/** What guests print, on its way to a terminal: only styles may pass. */
export const terminalTargets: readonly Target[] = [
  target("output that a terminal gets as it comes", fc.tuple(outputs, cuts), ([all, at]) => {
    const through = (chunks: readonly Buffer[]): string => {
      const filter = createTerminalFilter();
      return chunks.map((chunk) => filter.push(chunk)).join("") + filter.end();
    };
    const text = through(pieces(all, at));
    refuseControls(withoutStyles(text, { withErase: true }), "\b\t\n\r");
    const whole = through([all]);
    if (text !== whole) throw new Error(`${JSON.stringify(whole)} is passed on as ${JSON.stringify(text)}`);
  }),
  target("lines of a display", fc.tuple(outputs, cuts, fc.boolean()), ([all, at, styles]) => {
    const cleaner = createOutputCleaner({ styles });
    const lines = pieces(all, at).flatMap((piece) => [
      ...cleaner.push(piece),
      withoutStyles(cleaner.partial, { withErase: false }),
    ]);
    for (const line of [...lines, ...cleaner.end()])
      refuseControls(styles ? withoutStyles(line, { withErase: false }) : line, "\t");
  }),
  target("names and messages", outputs, (all) => {
    const text = all.toString("utf8");
    refuseControls(printable(text), "\t\n");
    refuseControls(printableLine(text), "\t");
    const json = jsonLine({ text });
    refuseControls(json, "");
    const { text: again } = JSON.parse(json);
    if (again !== text) throw new Error(`${JSON.stringify(text)} is in JSON ${json}`);
  }),
];
