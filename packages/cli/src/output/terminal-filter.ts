import { TextDecoder } from "node:util";
import { unsafeCharacters } from "@ob/core";
import { keptInOutput } from "./printable.ts";

/**
 * Makes output of a guest safe to write to a terminal as it comes, without a display. Colours, text styles, carriage
 * return, backspace and "erase in line" pass, so that progress bars work. What moves the cursor elsewhere, sets titles,
 * asks the terminal for an answer, hides text or changes its direction is removed.
 */
export interface TerminalFilter {
  /** Takes bytes as they come; returns the text that can be written now. */
  push(bytes: Uint8Array): string;
  /** The end of the output: drops an unfinished sequence, and resets colours and styles if there were any. */
  end(): string;
}

const reset = "\x1b[0m";
// A sequence that is longer than this is not waited for.
const maxSequenceLength = 4_096;

// Control sequences by ECMA-48: CSI; strings (OSC, DCS, SOS, PM, APC), which end at the line's end at the latest; others.
const sequences =
  // oxlint-disable-next-line no-control-regex -- it matches escapes.
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b\n\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g;
// oxlint-disable-next-line no-control-regex -- it matches escapes.
const unfinished = /\x1b(?:\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\n\x9c]*\x1b?|[ -/]*)?$/;
// Select graphic rendition, and erase in line.
// oxlint-disable-next-line no-control-regex -- it matches escapes.
const harmless = /^\x1b\[(?:[0-9;:]*m|[0-2]?K)$/;
// Backspace, tab, newline and carriage return pass, and escape, of which `sequences` has dealt with all.
const controls = String.raw`(?![\x08\t\n\r\x1b${keptInOutput}])[${unsafeCharacters}]`;

export function createTerminalFilter(): TerminalFilter {
  let decoder = new TextDecoder();
  let pending = "";
  let styled = false;

  const keepHarmless = (sequence: string): string => {
    if (!harmless.test(sequence)) return "";
    styled ||= sequence.endsWith("m");
    return sequence;
  };

  return {
    push(bytes) {
      const text = pending + decoder.decode(bytes, { stream: true });
      const start = unfinished.exec(text)?.index ?? text.length;
      const waits = start < text.length && text.length - start <= maxSequenceLength;
      pending = waits ? text.slice(start) : "";
      return (waits ? text.slice(0, start) : text)
        .replace(sequences, keepHarmless)
        .replace(new RegExp(controls, "gu"), "");
    },
    end() {
      pending = "";
      decoder = new TextDecoder();
      const last = styled ? reset : "";
      styled = false;
      return last;
    },
  };
}
