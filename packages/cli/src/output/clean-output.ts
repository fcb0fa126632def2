import { stripVTControlCharacters } from "node:util";
import { isPrintable, withoutControls } from "./printable.ts";

/** Colours and text styles: the only control sequences of a guest that the display passes on. */
// oxlint-disable-next-line no-control-regex -- it matches escapes.
const style = /(\x1b\[[0-9;:]*m)/;

/** The length of the pieces that an endless line is shown in, in characters. */
const maxLineLength = 8_192;

/** Turns a guest's output into lines that are safe to show on a terminal with a display. */
export interface OutputCleaner {
  /** Takes bytes as they come and returns the lines that they complete, without line ends. */
  push(bytes: Uint8Array): readonly string[];
  /** The last line, while it has no end. */
  readonly partial: string;
  /** Returns the last line, if it has no end. */
  end(): readonly string[];
}

export interface CleanOptions {
  /** Passes colours on. */
  readonly styles: boolean;
}

export function createOutputCleaner(options: CleanOptions): OutputCleaner {
  const decoder = new TextDecoder();
  let pending = "";
  return {
    push(bytes) {
      const text = pending + decoder.decode(bytes, { stream: true });
      const lines = text.split("\n");
      pending = lines.pop() ?? "";
      while (pending.length > maxLineLength) {
        lines.push(pending.slice(0, maxLineLength));
        pending = pending.slice(maxLineLength);
      }
      return isPrintable(text) ? lines : lines.map((line) => cleanLine(line, options));
    },
    get partial() {
      return cleanLine(pending, options);
    },
    end() {
      const last = pending + decoder.decode();
      pending = "";
      return last === "" ? [] : [cleanLine(last, options)];
    },
  };
}

/**
 * What a terminal would finally show of a line: after carriage returns only the last text, without the control sequences
 * that move the cursor, clear the screen or set a title.
 */
export function cleanLine(line: string, { styles }: CleanOptions): string {
  let end = line.length;
  while (line[end - 1] === "\r") end -= 1;
  const last = line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
  if (!last.includes("\x1b")) return withoutControls(last);
  let styled = false;
  const parts = last.split(style).map((part, index) => {
    if (index % 2 === 0) return withoutControls(stripVTControlCharacters(part));
    styled ||= styles;
    return styles ? part : "";
  });
  return parts.join("") + (styled ? "\x1b[0m" : "");
}
