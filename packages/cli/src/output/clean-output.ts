import { stripVTControlCharacters } from "node:util";

/** Colours and text styles: the only control sequences of a guest that a display of ours lets through. */
// oxlint-disable-next-line no-control-regex -- the escape is what it looks for.
const style = /(\x1b\[[0-9;:]*m)/;
// oxlint-disable-next-line no-control-regex -- they are what it takes out.
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** A line that never ends is shown in pieces of so many characters. */
const longestLine = 8_192;

/** Makes lines of a guest's output that are safe to show on a terminal with a display on it. */
export interface OutputCleaner {
  /** Takes bytes as they come and gives the lines that they complete, without their line ends. */
  push(bytes: Uint8Array): readonly string[];
  /** The line that has no end yet, as far as it is known. */
  readonly partial: string;
  /** Gives the last line, if it has no end. */
  end(): readonly string[];
}

export interface CleanOptions {
  /** Lets colours through. */
  readonly styles: boolean;
}

export function createOutputCleaner(options: CleanOptions): OutputCleaner {
  const decoder = new TextDecoder();
  let pending = "";
  return {
    push(bytes) {
      const lines = (pending + decoder.decode(bytes, { stream: true })).split("\n");
      pending = lines.pop() ?? "";
      while (pending.length > longestLine) {
        lines.push(pending.slice(0, longestLine));
        pending = pending.slice(longestLine);
      }
      return lines.map((line) => cleanLine(line, options));
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
 * What a terminal would show of a line in the end: of what a carriage return overwrites only the last, and no
 * control sequence that moves the cursor, clears, or sets a title.
 */
export function cleanLine(line: string, { styles }: CleanOptions): string {
  const last = line.replace(/\r+$/, "").split("\r").at(-1) ?? "";
  if (!last.includes("\x1b")) return last.replace(controls, "");
  let styled = false;
  const parts = last.split(style).map((part, index) => {
    if (index % 2 === 0) return stripVTControlCharacters(part).replace(controls, "");
    styled ||= styles;
    return styles ? part : "";
  });
  return parts.join("") + (styled ? "\x1b[0m" : "");
}
